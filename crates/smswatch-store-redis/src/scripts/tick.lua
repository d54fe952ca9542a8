-- Tells the time in milliseconds, and carries it on where Redis's own clock was set back or stands still:
-- the store's clock never shows less than it did, nor less than the caller expects by its own measure.
-- What it should show at least as far as the caller knows (0: it does not know), by how much it may be
-- ahead of Redis's clock.
local clock = KEYS[1] .. 'clock'
local expected, most = tonumber(ARGV[1]), tonumber(ARGV[2])
-- Clocks of machines differ a little, and answers take time.
local tolerance = 2000
-- How often it is noted what the clock shows, how quickly it gives up being ahead, and of how much time at once: where
-- Redis's own clock was set forward, more seems to have passed, and what was scheduled since would be far ahead.
local noted_every, slower_by, most_at_once = 10000, 50, 60000
local time = redis.call('TIME')
local own = time[1] * 1000 + math.floor(time[2] / 1000)
local known = redis.call('HMGET', clock, 'ahead', 'shown')
local ahead, shown = tonumber(known[1] or 0), tonumber(known[2] or 0)
local now, is_new = own + ahead, false
local least = math.max(shown, expected)
if now < least - tolerance then
  -- A clock that was wrong by more than that before is right now.
  if least - own > most then ahead = 0 else ahead = least - own end
  is_new = true
elseif now - shown >= noted_every then
  ahead = math.max(0, ahead - math.floor(math.min(now - shown, most_at_once) / slower_by))
  is_new = true
end
now = own + ahead
if is_new then
  redis.call('HSET', clock, 'ahead', string.format('%.0f', ahead), 'shown', string.format('%.0f', now))
end
return now
