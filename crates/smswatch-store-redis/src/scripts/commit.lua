-- Changes watches, each only if it is as expected: log entry first, then due time, then record.
-- Per item: bucket, field, expected record, new record, lane, due time, log entry ('' where there is none),
-- and the kinds under which the entry is noted.
local base = KEYS[1]
local n_finished = tonumber(ARGV[1])
local results, states, conflicts = {}, {}, 0
-- By due time and place, in which queue each stands whose due time does not change.
local unmoved = {}
-- The place of the entry before those of this step, then theirs.
local places = {}

-- A key of another type is nothing that this or another version wrote: it keeps no item but its own.
local function read(key, field)
  local value = redis.pcall('HGET', key, field)
  if type(value) == 'table' then return nil, true end
  return value, false
end

local function queue(lane, due, place)
  if redis.call('RPUSH', base .. 's:' .. lane .. ':' .. due, place) == 1 then
    redis.call('ZADD', base .. 'z:' .. lane, due, due)
  end
end

local function count(record, by)
  local state = record:byte(2)
  states[state] = (states[state] or 0) + by
end

for at = n_finished + 2, #ARGV, 8 do
  local bucket, field, expected, record = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local small, large = base .. 'w:' .. bucket, base .. 'x:' .. bucket
  local current, is_foreign = read(small, field)
  local home = small
  if not current and not is_foreign then
    current, is_foreign = read(large, field)
    home = large
  end
  if is_foreign then
    results[#results + 1] = -1
    conflicts = conflicts + 1
  elseif (current or '') ~= expected then
    results[#results + 1] = current or 0
    conflicts = conflicts + 1
  else
    local number = tonumber(bucket)
    local place = string.char(math.floor(number / 256), number % 256) .. field
    if ARGV[at + 6] ~= '' then
      if #places == 0 then places[1] = begin_append(base) end
      places[#places + 1] = append(base, ARGV[at + 6], place, ARGV[at + 7])
    end
    if record ~= '' then
      local lane, due = ARGV[at + 4], ARGV[at + 5]
      -- The same due time is in a queue, or under a lease, already.
      if not current or current:sub(3, 8) ~= record:sub(3, 8) then
        queue(lane, due, place)
      else
        unmoved[record:sub(3, 8) .. place] = { lane, due }
      end
      -- What is over 64 bytes would turn a small bucket into a large one for good.
      local fits = #record <= 64 and #field <= 64
      local next_home = fits and small or large
      redis.call('HSET', next_home, field, record)
      if current and home ~= next_home then redis.call('HDEL', home, field) end
      count(record, 1)
    elseif current then
      redis.call('HDEL', home, field)
    end
    if current then count(current, -1) end
    results[#results + 1] = 1
  end
end

for state, by in pairs(states) do
  if by ~= 0 then redis.call('HINCRBY', base .. 'n', state, by) end
end
if #places > 0 then
  end_append(base, places[#places])
  redis.call('HINCRBY', base .. 'n', 'appended', #places - 1)
end
-- A watch that was not as expected may still be due under its lease.
for at = 2, conflicts == 0 and n_finished + 1 or 0 do
  local id = ARGV[at]
  -- What keeps its due time and stood under this lease stands nowhere else.
  if next(unmoved) then
    for _, entry in ipairs(redis.call('LPOP', base .. 'l:' .. id, 100000) or {}) do
      local home = unmoved[entry]
      if home then queue(home[1], home[2], entry:sub(7)) end
    end
  end
  redis.call('DEL', base .. 'l:' .. id)
  redis.call('ZREM', base .. 'e:' .. id:match('^%d+'), id)
end
local counts = redis.call('HMGET', base .. 'n', 'appended', 'routed')
return { tonumber(counts[1] or 0) - tonumber(counts[2] or 0), results, places }
