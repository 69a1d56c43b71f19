-- wrk: POST one reservation a request, to whatever server.
-- PATH_AND_QUERY; BODY: a template in which {id} is new each time, {sku} and {node} are numbers at random.
-- SKU_FIRST, SKU_COUNT, NODE_FIRST, NODE_COUNT; RUN: makes the ids of this run its own.
-- COUNT=1: count answers by status, which costs wrk a little.
local function number(name) return tonumber(os.getenv(name)) end

local sku_first, sku_count = number("SKU_FIRST"), number("SKU_COUNT")
local node_first, node_count = number("NODE_FIRST"), number("NODE_COUNT")
local path, run = os.getenv("PATH_AND_QUERY"), os.getenv("RUN")
local headers = { ["Content-Type"] = "application/json" }
local parts, names, made = {}, {}, 0
made_count, refused_count = 0, 0

-- The template is cut once: text, name, text, name, text.
for text, name in (os.getenv("BODY") .. "{end}"):gmatch("(.-){(%a+)}") do
    parts[#parts + 1] = text
    names[#names + 1] = name
end

local threads = {}
function setup(thread) threads[#threads + 1] = thread end

function init(args) math.randomseed(number("SEED")) end

local function value(name)
    if name == "sku" then return sku_first + math.random(sku_count) - 1 end
    if name == "node" then return node_first + math.random(node_count) - 1 end
    if name == "id" then return run .. "-" .. made end
    return ""
end

function request()
    local body = {}
    made = made + 1
    for i = 1, #parts do
        body[2 * i - 1] = parts[i]
        body[2 * i] = value(names[i])
    end
    return wrk.format("POST", path, headers, table.concat(body))
end

if os.getenv("COUNT") == "1" then
    function response(status)
        if status < 300 then made_count = made_count + 1 else refused_count = refused_count + 1 end
    end
end

function done(summary, latency)
    local granted, refused = 0, 0
    for _, thread in ipairs(threads) do
        granted = granted + thread:get("made_count")
        refused = refused + thread:get("refused_count")
    end
    io.write(string.format("GRANTED %d REFUSED %d\n", granted, refused))
end
