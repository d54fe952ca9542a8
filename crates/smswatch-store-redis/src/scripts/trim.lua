-- Removes a bounded number of routed log entries and ended deliveries that are too old or too many.
-- Arguments: milliseconds to keep and count to keep, for events, deliveries and dead.
local base, most = KEYS[1], 500
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function parts(id)
  local ms, n = id:match('^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end

local function trim_log(keep_ms, keep)
  local cursor_ms, cursor_n = parts(redis.call('GET', base .. 'cur') or '0-0')
  local surplus = redis.call('XLEN', base .. 'log') - keep
  local removed = 0
  local entries = redis.call('XRANGE', base .. 'log', '-', '+', 'COUNT', most)
  for _, entry in ipairs(entries) do
    local ms, n = parts(entry[1])
    local is_routed = ms < cursor_ms or (ms == cursor_ms and n <= cursor_n)
    if not is_routed or (ms >= now - keep_ms and removed >= surplus) then break end
    redis.call('XDEL', base .. 'log', entry[1])
    removed = removed + 1
  end
  return removed
end

local function remove(list, ids)
  for _, id in ipairs(ids) do
    redis.call('DEL', base .. 'd:' .. id)
    redis.call('ZREM', list.key, id)
  end
  list.count = list.count - #ids
  return #ids
end

-- What is too old goes first, and then what the sinks have too many of together: from the longest
-- lists, so that a sink with much history costs the others nothing of theirs.
local function trim_state(state, keep_ms, keep)
  local lists, total, removed = {}, 0, 0
  for _, sink in ipairs(redis.call('SMEMBERS', base .. 'sinks')) do
    local list = { key = base .. state .. ':' .. sink }
    list.count = redis.call('ZCARD', list.key)
    if removed < most then
      local too_old = redis.call('ZRANGEBYSCORE', list.key, '-inf', '(' .. (now - keep_ms),
        'LIMIT', 0, most - removed)
      removed = removed + remove(list, too_old)
    end
    total = total + list.count
    lists[#lists + 1] = list
  end
  table.sort(lists, function(a, b) return a.count > b.count end)
  -- The longest lists are cut to the length of the next one, together, until enough is gone.
  local surplus, n_longest, level = math.min(total - keep, most - removed), 0, 0
  while surplus > 0 do
    repeat
      n_longest = n_longest + 1
      level = lists[n_longest + 1] and lists[n_longest + 1].count or 0
    until lists[n_longest].count > level
    for at = 1, n_longest do
      local share = math.min(lists[at].count - level, math.ceil(surplus / (n_longest - at + 1)))
      if share > 0 then
        local number = remove(lists[at], redis.call('ZRANGE', lists[at].key, 0, share - 1))
        removed, surplus = removed + number, surplus - number
      end
    end
  end
  return removed
end

local events = trim_log(tonumber(ARGV[1]), tonumber(ARGV[2]))
local delivered = trim_state('delivered', tonumber(ARGV[3]), tonumber(ARGV[4]))
local suppressed = trim_state('suppressed', tonumber(ARGV[3]), tonumber(ARGV[4]))
local dead = trim_state('dead', tonumber(ARGV[5]), tonumber(ARGV[6]))
return { events, delivered + suppressed, dead }
