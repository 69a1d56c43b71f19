-- Redis: hold a quantity of one item at one node, as POST /v1/reservations with
-- one line does: the same id again changes nothing, stock is checked and taken in
-- one step, the reservation is stored and finds its expiry. Returns 1 held,
-- 0 not enough, 2 held before.
-- KEYS: stock of the item (hash, field per node), the reservation (hash).
-- ARGV: node number, number of nodes, quantity, seconds to live.
if redis.call('EXISTS', KEYS[2]) == 1 then
    return 2
end
local node = tonumber(ARGV[1]) % tonumber(ARGV[2])
local quantity = tonumber(ARGV[3])
if tonumber(redis.call('HGET', KEYS[1], node) or '0') < quantity then
    return 0
end
local now = redis.call('TIME')
local expires_at = now[1] + tonumber(ARGV[4])
redis.call('HINCRBY', KEYS[1], node, -quantity)
redis.call('HSET', KEYS[2], 'kind', 'cart', 'channel', 'web', 'stock', KEYS[1], 'node', node,
    'quantity', quantity, 'status', 'held', 'expires_at', expires_at)
redis.call('ZADD', 'expiry', expires_at, KEYS[2])
return 1
