-- Reads records bucket by bucket, in the order of fields, from behind a bucket and field; without removed ones.
local base, first, after = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local limit, buckets, removed = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local out = {}
for bucket = first, buckets - 1 do
  local records, fields = {}, {}
  for _, kind in ipairs({ 'w:', 'x:' }) do
    local all = redis.pcall('HGETALL', base .. kind .. bucket)
    -- In a key of another type nothing can be read.
    if all.err then all = {} end
    for at = 1, #all, 2 do
      if (bucket > first or all[at] > after) and all[at + 1]:byte(2) ~= removed then
        fields[#fields + 1] = all[at]
        records[all[at]] = all[at + 1]
      end
    end
  end
  table.sort(fields)
  for _, field in ipairs(fields) do
    if #out == 2 * limit then return { bucket, out } end
    out[#out + 1] = field
    out[#out + 1] = records[field]
  end
  if #out == 2 * limit then return { bucket, out } end
end
return { -1, out }
