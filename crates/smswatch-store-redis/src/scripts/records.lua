-- Reads records of a kind in the order of their ids, from behind an id. Kind, id ('': from the first), how many.
-- Returns the last id that was looked at ('': nothing is left), and ids with their values.
local base, kind, limit = KEYS[1], ARGV[1], tonumber(ARGV[3])
local from = ARGV[2] == '' and '-' or '(' .. ARGV[2]
local ids = redis.call('ZRANGE', base .. 'o:' .. kind, from, '+', 'BYLEX', 'LIMIT', 0, limit)
local out = {}
for _, id in ipairs(ids) do
  local value = redis.call('HGET', base .. 'g:' .. kind, id)
  if value then
    out[#out + 1] = id
    out[#out + 1] = value
  end
end
return { #ids == limit and ids[#ids] or '', out }
