-- Changes a memo if it is of the expected version ('' where there is none): log entries first.
-- Arguments: name, expected version, value; then of each log entry its body, the place of its message
-- ('': none), and the kinds under which it is noted.
local base = KEYS[1]
local key = base .. 'm:' .. ARGV[1]
if (redis.call('HGET', key, 'version') or '') ~= ARGV[2] then return 0 end
if #ARGV > 3 then
  begin_append(base)
  local last
  for at = 4, #ARGV, 3 do last = append(base, ARGV[at], ARGV[at + 1], ARGV[at + 2]) end
  end_append(base, last)
end
redis.call('HSET', key, 'version', string.format('%.0f', tonumber(ARGV[2] == '' and 0 or ARGV[2]) + 1), 'value', ARGV[3])
if #ARGV > 3 then redis.call('HINCRBY', base .. 'n', 'appended', (#ARGV - 3) / 3) end
return 1
