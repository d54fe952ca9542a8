-- Reads the deliveries that tell of messages, those of the first before those of the next, newest first, from
-- behind a score and id of the first message.
-- How many, state, sink, rule, since ('' or '-inf' for any), score and id of the last one before, messages.
local base, limit, state, sink, rule, since = KEYS[1], tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local seen_score, seen_id = ARGV[6], ARGV[7]
local budget, out, n_found = 2000, {}, 0

-- When a delivery ended, which only its list knows.
local function ended(row, id)
  return redis.call('ZSCORE', base .. row[3] .. ':' .. row[1], id)
end

local function read(id)
  local row = redis.pcall('HMGET', base .. 'd:' .. id, 'k', 'r', 's', 'm', 'c', 'n', 'a', 'b', 'q', 'p')
  local is_wanted = row[1] and (state == '' or row[3] == state) and (sink == '' or row[1] == sink)
      and (rule == '' or row[2] == rule)
  local is_pending = row[3] == 'pending'
  if is_wanted and since ~= '-inf' then
    local changed = is_pending and (row[9] or row[5]) or ended(row, id) or '0'
    is_wanted = tonumber(changed) >= tonumber(since)
  end
  if not is_wanted then return end
  local due = is_pending and redis.call('ZSCORE', base .. 'q:' .. row[10] .. ':' .. row[1], id) or ''
  for _, value in ipairs({ id, row[1], row[2], row[3], row[4], row[5], due, row[6] or '0',
    row[7] or '', row[8], row[9] or row[5] }) do
    out[#out + 1] = value
  end
  n_found = n_found + 1
end

-- Reads those of one message; returns whether there was room for all of them.
local function read_all_of(message)
  local highest, skip = seen_score == '' and '+inf' or seen_score, 0
  while true do
    local page = redis.call('ZREVRANGEBYSCORE', base .. 't:' .. message, highest, '-inf', 'WITHSCORES',
      'LIMIT', skip, 100)
    if #page == 0 then return true end
    for at = 1, #page, 2 do
      local id, score = page[at], page[at + 1]
      if not (seen_score ~= '' and score == highest and id >= seen_id) then
        if n_found == limit or budget == 0 then return false end
        budget = budget - 1
        read(id)
        seen_score, seen_id = score, id
      end
    end
    skip = skip + 100
  end
end

for at = 8, #ARGV do
  if not read_all_of(ARGV[at]) then return { at - 8, seen_score, seen_id, out } end
  seen_score, seen_id = '', ''
end
return { #ARGV - 7, '', '', out }
