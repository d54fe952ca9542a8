-- Begins every script that reads the time: `TIME` tells the store's clock, which is carried on where
-- Redis's own was set back or stands still. How far it is ahead then is what `tick` has found out.
local server = redis
local redis = { pcall = server.pcall }
function redis.call(command, ...)
  if command ~= 'TIME' then return server.call(command, ...) end
  local time = server.call('TIME')
  -- In a key of another type nothing can be read: then Redis's own time counts.
  local ahead = server.pcall('HGET', KEYS[1] .. 'clock', 'ahead')
  if type(ahead) ~= 'string' then return time end
  local micros = time[1] * 1000000 + time[2] + ahead * 1000
  return { math.floor(micros / 1000000), micros % 1000000 }
end

