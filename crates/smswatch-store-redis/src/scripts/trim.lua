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

local function trim_list(list, keep_ms, keep)
  local too_old = redis.call('ZRANGEBYSCORE', list, '-inf', '(' .. (now - keep_ms), 'LIMIT', 0, most)
  local surplus = math.min(redis.call('ZCARD', list) - keep, most)
  local ids = too_old
  if surplus > #too_old then ids = redis.call('ZRANGE', list, 0, surplus - 1) end
  for _, id in ipairs(ids) do
    redis.call('DEL', base .. 'd:' .. id)
    redis.call('ZREM', list, id)
  end
  return #ids
end

local function trim_state(state, keep_ms, keep)
  local removed = 0
  local sinks = redis.call('SMEMBERS', base .. 'sinks')
  for _, sink in ipairs(sinks) do
    -- Every sink has an equal share of what is kept.
    local share = math.ceil(keep / #sinks)
    removed = removed + trim_list(base .. state .. ':' .. sink, keep_ms, share)
  end
  return removed
end

local events = trim_log(tonumber(ARGV[1]), tonumber(ARGV[2]))
local delivered = trim_state('delivered', tonumber(ARGV[3]), tonumber(ARGV[4]))
local suppressed = trim_state('suppressed', tonumber(ARGV[3]), tonumber(ARGV[4]))
local dead = trim_state('dead', tonumber(ARGV[5]), tonumber(ARGV[6]))
return { events, delivered + suppressed, dead }
