-- Reads a memo: its version and its value.
return redis.call('HMGET', KEYS[1] .. 'm:' .. ARGV[1], 'version', 'value')
