-- Begins the scripts that remove log entries or deliveries, after `place`.

-- Forgets that an entry is about a message; the older ones of the same message have gone before.
local function forget_entry(base, message, id)
  local bytes = pack(id)
  if not bytes then return end
  local small, large, field, fits = homes(base, message)
  local known = fits and redis.call('HGET', small, field)
  if not fits or known == '' then
    redis.call('ZREM', large, bytes)
    if fits and redis.call('ZCARD', large) == 0 then redis.call('HDEL', small, field) end
    return
  end
  for at = 1, known and #known or 0, bytes_of_id do
    if known:sub(at, at + bytes_of_id - 1) == bytes then
      local rest = known:sub(at + bytes_of_id)
      if rest == '' then
        redis.call('HDEL', small, field)
      else
        redis.call('HSET', small, field, rest)
      end
      return
    end
  end
end

-- Removes a delivery, and forgets which messages it tells of.
local function forget_delivery(base, id)
  local messages = redis.call('HGET', base .. 'd:' .. id, 'm')
  for message in (messages or ''):gmatch('[^\n]+') do
    redis.call('ZREM', base .. 't:' .. message, id)
  end
  redis.call('DEL', base .. 'd:' .. id)
end

