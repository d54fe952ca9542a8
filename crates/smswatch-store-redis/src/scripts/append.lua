-- Begins the scripts that append log entries, after `place`.

-- Makes ready to append, and says where the newest entry stands. An entry that is not the last one which
-- was appended here is of a version that notes no messages: up to it the log has to be read.
local function begin_append(base)
  local newest = redis.call('XREVRANGE', base .. 'log', '+', '-', 'COUNT', 1)[1]
  -- Trimming never passes the cursor: what is gone had been routed.
  if not newest then return redis.call('GET', base .. 'cur') or '0-0' end
  if redis.call('HGET', base .. 'i', 'last') ~= newest[1] then
    redis.call('HSET', base .. 'i', 'after', newest[1])
  end
  return newest[1]
end

local function note_message(base, message, id)
  local bytes = pack(id)
  if not bytes then
    redis.call('HSET', base .. 'i', 'after', id)
    return
  end
  local small, large, field, fits = homes(base, message)
  local known = fits and redis.call('HGET', small, field)
  if not fits or known == '' then
    redis.call('ZADD', large, 0, bytes)
  elseif known and #known >= most_in_bucket * bytes_of_id then
    for at = 1, #known, bytes_of_id do
      redis.call('ZADD', large, 0, known:sub(at, at + bytes_of_id - 1))
    end
    redis.call('ZADD', large, 0, bytes)
    redis.call('HSET', small, field, '')
  else
    redis.call('HSET', small, field, (known or '') .. bytes)
  end
end

-- Appends an entry about a message, or about none (''), of the kinds that are named, and says where it
-- stands.
local function append(base, body, message, kinds)
  local id
  if message == '' then
    id = redis.call('XADD', base .. 'log', '*', 'b', body)
  else
    id = redis.call('XADD', base .. 'log', '*', 'b', body, 'm', message)
    note_message(base, message, id)
  end
  for kind in kinds:gmatch('[^,]+') do
    -- Refused only where the log was lost and this was not: then it is found by reading.
    redis.pcall('XADD', base .. 'k:' .. kind, id, 'l', '')
  end
  return id
end

local function end_append(base, id)
  redis.call('HSET', base .. 'i', 'last', id)
end

