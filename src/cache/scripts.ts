// Redis' own clock is the only one that all replicas share; run_id names one life of one server
const head = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local epoch = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)')
`;

/** KEYS: last number, log, replicas. ARGV: replica, number it knows, registration ms. Reply: epoch, last, missed. */
export const renewScript = `${head}
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
local last = tonumber(redis.call('GET', KEYS[1]) or '0')
return { epoch, last, redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ARGV[2], '+inf') }
`;

/**
 * KEYS: last number, log, replicas, generation. ARGV: subject's hash, generation's life ms, channel, log length.
 * Reply: epoch, number, live replicas. A log entry and an event are "number hash".
 */
export const bumpScript = `${head}
local number = redis.call('INCR', KEYS[1])
local event = number .. ' ' .. ARGV[1]
redis.call('SET', KEYS[4], number, 'PX', ARGV[2])
redis.call('ZADD', KEYS[2], number, event)
redis.call('ZREMRANGEBYRANK', KEYS[2], 0, -1 - ARGV[4])
redis.call('PUBLISH', ARGV[3], event)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
return { epoch, number, redis.call('ZRANGE', KEYS[3], 0, -1) }
`;

/** KEYS: value, lock. ARGV: token, lock ms. Reply: the value, 1 with the lock taken, or 0 while another has it. */
export const claimScript = `
local value = redis.call('GET', KEYS[1])
if value then return value end
if redis.call('SET', KEYS[2], ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
return 0
`;

/** KEYS: lock. ARGV: token. */
export const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
`;
