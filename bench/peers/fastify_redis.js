// Fastify and ioredis: one Lua script a reservation, the one that Redis alone is measured with. PORT, REDIS_PORT, NODES.
const fs = require("fs")
const path = require("path")
const { Redis } = require("ioredis")
const { serve } = require("./service.js")

const lua = fs.readFileSync(path.join(__dirname, "../scripts/redis_reserve.lua"), "utf8")
const redis = new Redis(Number(process.env.REDIS_PORT), "127.0.0.1")
redis.defineCommand("hold", { numberOfKeys: 2, lua })
const ANSWERS = ["insufficient", "held", "held before"]
const stockKey = (sku) => "s:" + String(Number(sku.slice(4)) - 100000).padStart(12, "0")
const nodeNumber = (node) => Number(node.slice(5)) - 10

const reserve = async (r) => ANSWERS[await redis.hold(stockKey(r.sku), "r:" + r.id, nodeNumber(r.node),
  process.env.NODES, r.quantity, r.ttlSeconds)]
const available = async (sku, node) => Number(await redis.hget(stockKey(sku), nodeNumber(node)))

serve({ available, reserve })
