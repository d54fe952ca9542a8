-- Reads records bucket by bucket, in the order of fields, from behind a bucket and field; without removed
-- ones, of which there may be very many: no more than a bounded number is looked at.
-- Returns the bucket and field behind which the next call goes on (-1 when nothing is left), what was found,
-- and how many were looked at.
local base, first, after = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local limit, buckets, removed, budget = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local out, n_looked_at = {}, 0
for bucket = first, buckets - 1 do
  local records, fields = {}, {}
  for _, kind in ipairs({ 'w:', 'x:' }) do
    local all = redis.pcall('HGETALL', base .. kind .. bucket)
    -- In a key of another type nothing can be read.
    if all.err then all = {} end
    n_looked_at = n_looked_at + #all / 2
    for at = 1, #all, 2 do
      if (bucket > first or all[at] > after) and all[at + 1]:byte(2) ~= removed then
        fields[#fields + 1] = all[at]
        records[all[at]] = all[at + 1]
      end
    end
  end
  table.sort(fields)
  for _, field in ipairs(fields) do
    if #out == 2 * limit then return { bucket, out[#out - 1], out, n_looked_at } end
    out[#out + 1] = field
    out[#out + 1] = records[field]
  end
  -- An empty bucket is work, too.
  n_looked_at = n_looked_at + 1
  if (#out == 2 * limit or n_looked_at >= budget) and bucket < buckets - 1 then
    return { bucket + 1, '', out, n_looked_at }
  end
end
return { -1, '', out, n_looked_at }
