-- wrk: GET the targets of a file, one after the other. The requests are made
-- once, so that each costs wrk the same whatever server answers.
-- TARGETS: a file with one path and query a line.
local requests, at = {}, 0

function init(args)
    for target in io.lines(os.getenv("TARGETS")) do
        requests[#requests + 1] = wrk.format("GET", target)
    end
end

function request()
    at = at % #requests + 1
    return requests[at]
end
