-- Changes records, each only if it is as expected: log entries first, then deliveries, then the record.
-- Per change: kind, id, expected version ('': there is none), due time ('': none), body ('': it is removed), how
-- many log entries and how many deliveries. Per entry: body, the place of its message ('': none), and the
-- kinds under which it is noted. Each delivery stands as `enqueue` wants it.
local base = KEYS[1]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local results, last, n_appended, n_queued = {}, nil, 0, 0
local at = 1
while at <= #ARGV do
  local kind, id = ARGV[at], ARGV[at + 1]
  local first_entry = at + 7
  local first_delivery = first_entry + 3 * ARGV[at + 5]
  local next_change = first_delivery + WIDTH * ARGV[at + 6]
  if is_as_expected(base, kind, id, ARGV[at + 2]) then
    for entry = first_entry, first_delivery - 1, 3 do
      if not last then begin_append(base) end
      last = append(base, ARGV[entry], ARGV[entry + 1], ARGV[entry + 2])
      n_appended = n_appended + 1
    end
    for delivery = first_delivery, next_change - 1, WIDTH do
      if enqueue(base, now, delivery) then n_queued = n_queued + 1 end
    end
    write_record(base, kind, id, ARGV[at + 3], ARGV[at + 4])
    results[#results + 1] = 1
  else
    results[#results + 1] = 0
  end
  at = next_change
end
if last then
  end_append(base, last)
  redis.call('HINCRBY', base .. 'n', 'appended', n_appended)
end
return { n_queued, results }
