-- Removes a bounded number of routed log entries and ended deliveries that are too old or too many.
-- Arguments: milliseconds to keep and count to keep, for events, deliveries and dead; then the kinds under
-- which entries are noted.
local base, most = KEYS[1], 500
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Reads few entries at a time: mostly nothing is to go.
local function trim_log(keep_ms, keep)
  local log, cursor = base .. 'log', redis.call('GET', base .. 'cur') or '0-0'
  local surplus = redis.call('XLEN', log) - keep
  local removed, is_done = 0, false
  while removed < most and not is_done do
    local count = removed == 0 and 1 or math.min(64, most - removed)
    local gone = {}
    for _, entry in ipairs(redis.call('XRANGE', log, '-', '+', 'COUNT', count)) do
      local id, fields = entry[1], entry[2]
      local is_old = numbers(id) < now - keep_ms or removed + #gone < surplus
      if not is_old or not is_up_to(id, cursor) then break end
      if fields[3] == 'm' then forget_entry(base, fields[4], id) end
      gone[#gone + 1] = id
    end
    if #gone > 0 then redis.call('XDEL', log, unpack(gone)) end
    removed, is_done = removed + #gone, #gone < count
  end
  return removed
end

-- What is older than the oldest entry of the log is of no kind any more.
local function trim_kind(kind)
  local oldest = redis.call('XRANGE', base .. 'log', '-', '+', 'COUNT', 1)[1]
  local count, key = 1, base .. 'k:' .. kind
  while count <= most do
    local gone = {}
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+', 'COUNT', count)) do
      if oldest and is_up_to(oldest[1], entry[1]) then break end
      gone[#gone + 1] = entry[1]
    end
    if #gone > 0 then redis.call('XDEL', key, unpack(gone)) end
    if #gone < count then return end
    count = count * most
  end
end

local function remove(list, ids)
  for _, id in ipairs(ids) do
    forget_delivery(base, id)
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
for at = 7, #ARGV do trim_kind(ARGV[at]) end
local delivered = trim_state('delivered', tonumber(ARGV[3]), tonumber(ARGV[4]))
local suppressed = trim_state('suppressed', tonumber(ARGV[3]), tonumber(ARGV[4]))
local dead = trim_state('dead', tonumber(ARGV[5]), tonumber(ARGV[6]))
return { events, delivered + suppressed, dead }
