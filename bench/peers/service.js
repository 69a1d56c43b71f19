// A reservation service as a team would write it by hand, over whatever store: the same two calls as Onhand's, with the
// same bodies. store: { available(sku, node), reserve({ id, kind, channel, sku, node, quantity, ttlSeconds }) }.
// reserve() resolves to "held", "held before" or "insufficient".
const fastify = require("fastify")

const line = {
  type: "object", required: ["sku", "node", "quantity"],
  properties: { line: { type: "integer" }, sku: { type: "string" }, node: { type: "string" },
    quantity: { type: "integer", minimum: 1 } },
}
const reservation = {
  type: "object", required: ["id", "kind", "channel", "ttl_seconds", "lines"],
  properties: { id: { type: "string" }, kind: { type: "string" }, channel: { type: "string" },
    ttl_seconds: { type: "integer", minimum: 1 }, lines: { type: "array", minItems: 1, maxItems: 1, items: line } },
}
const held = { type: "object", properties: { id: { type: "string" }, status: { type: "string" } } }
const refused = { type: "object", properties: { code: { type: "string" } } }
const available = {
  type: "object", properties: { sku: { type: "string" }, node: { type: "string" }, available: { type: "integer" } },
}

exports.serve = async (store) => {
  const app = fastify({ logger: false })
  app.get("/v1/availability/:sku", { schema: { response: { 200: available } } }, async (request) => {
    const { sku } = request.params, { node } = request.query
    return { sku, node, available: await store.available(sku, node) }
  })
  app.post("/v1/reservations", { schema: { body: reservation, response: { "2xx": held, 409: refused } } },
    async (request, reply) => {
      const { id, kind, channel, ttl_seconds: ttlSeconds, lines: [{ sku, node, quantity }] } = request.body
      const answer = await store.reserve({ id, kind, channel, sku, node, quantity, ttlSeconds })
      if (answer === "insufficient") return reply.code(409).send({ code: "insufficient_stock" })
      return reply.code(answer === "held" ? 201 : 200).send({ id, status: "held" })
    })
  await app.listen({ port: Number(process.env.PORT), host: "127.0.0.1" })
}
