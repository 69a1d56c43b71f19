// Fastify and pg: one prepared statement a reservation, guarded by its condition. PORT, PGHOST, PGPORT, PGUSER, PGDATABASE.
const { Pool } = require("pg")
const { serve } = require("./service.js")

const RESERVE = `WITH taken AS (
    UPDATE stock SET reserved = reserved + $6 WHERE sku = $4 AND node = $5 AND on_hand - reserved >= $6 RETURNING 1)
  INSERT INTO reservation (id, kind, channel, sku, node, quantity, expires_at)
  SELECT $1, $2, $3, $4, $5, $6, now() + $7 * interval '1 second' FROM taken`
const pool = new Pool({ max: Number(process.env.POOL || 16) })

async function reserve(r) {
  const values = [r.id, r.kind, r.channel, r.sku, r.node, r.quantity, r.ttlSeconds]
  try {
    const { rowCount } = await pool.query({ name: "reserve", text: RESERVE, values })
    return rowCount === 1 ? "held" : "insufficient"
  } catch (error) {
    if (error.code === "23505") return "held before"
    throw error
  }
}

async function available(sku, node) {
  const text = "SELECT on_hand - reserved AS available FROM stock WHERE sku = $1 AND node = $2"
  const { rows } = await pool.query({ name: "available", text, values: [sku, node] })
  return rows[0].available
}

serve({ available, reserve })
