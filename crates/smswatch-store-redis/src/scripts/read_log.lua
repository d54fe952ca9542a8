-- Reads the oldest log entries behind the cursor.
local base = KEYS[1]
local cursor = redis.call('GET', base .. 'cur') or '0-0'
local time = redis.call('TIME')
local entries = redis.call('XRANGE', base .. 'log', '(' .. cursor, '+', 'COUNT', ARGV[1])
local out = {}
for _, entry in ipairs(entries) do
  out[#out + 1] = entry[1]
  out[#out + 1] = entry[2][2]
end
return { time[1] * 1000 + math.floor(time[2] / 1000), cursor, out }
