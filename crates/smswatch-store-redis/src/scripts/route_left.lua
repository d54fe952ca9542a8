-- Queues deliveries that do not exist yet and changes records, if those are all as expected and all of the left entries
-- that they came from are there, then takes those away.
-- How many entries, how many records; the entries' ids. Per record: kind, id, expected version, due time, body.
-- Each delivery stands as `enqueue` wants it.
local base, n_entries, n_records = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local first_record = n_entries + 3
if not records_are_as_expected(base, first_record, n_records) then return -2 end
for at = 3, n_entries + 2 do
  if #redis.call('XRANGE', base .. 'left', ARGV[at], ARGV[at]) == 0 then return -2 end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for at = first_record + 5 * n_records, #ARGV, WIDTH do
  if enqueue(base, now, at) then added = added + 1 end
end
write_records(base, first_record, n_records)
for at = 3, n_entries + 2 do redis.call('XDEL', base .. 'left', ARGV[at]) end
return added
