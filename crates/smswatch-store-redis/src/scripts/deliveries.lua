-- Reads deliveries, newest first in each list, from behind a list, score and id; lists are ordered by name.
local base = KEYS[1]
local limit, state, sink, message = tonumber(ARGV[1]), ARGV[2], ARGV[3], ARGV[4]
local from_list, from_score, from_id = ARGV[5], ARGV[6], ARGV[7]
local rule, since = ARGV[8], ARGV[9]
local budget = 2000
local lists = {}
for _, name in ipairs(redis.call('SMEMBERS', base .. 'sinks')) do
  if sink == '' or sink == name then
    if state == '' or state == 'pending' then
      lists[#lists + 1] = 'q:0:' .. name
      lists[#lists + 1] = 'q:1:' .. name
    end
    for _, ended in ipairs({ 'delivered', 'dead', 'suppressed' }) do
      if state == '' or state == ended then lists[#lists + 1] = ended .. ':' .. name end
    end
  end
end
table.sort(lists)

-- Ended ones are found by their end; pending ones stand in the order of their next attempt.
local function is_wanted(row, is_pending)
  if not row[1] or (rule ~= '' and row[2] ~= rule) then return false end
  if is_pending and since ~= '-inf' and tonumber(row[9] or row[5]) < tonumber(since) then return false end
  return message == '' or ('\n' .. row[4] .. '\n'):find('\n' .. message .. '\n', 1, true)
end

local out, n_found = {}, 0
for _, list in ipairs(lists) do
  if list >= from_list then
    local is_pending = list:sub(1, 2) == 'q:'
    local lowest = is_pending and '-inf' or since
    local highest, below = '+inf', nil
    if list == from_list and from_score ~= '' then highest, below = from_score, from_id end
    local skip = 0
    while true do
      local page = redis.call('ZREVRANGEBYSCORE', base .. list, highest, lowest, 'WITHSCORES',
        'LIMIT', skip, 200)
      if #page == 0 then break end
      skip = skip + 200
      for at = 1, #page, 2 do
        local id, score = page[at], page[at + 1]
        if not (below and score == highest and id >= below) then
          if n_found == limit or budget == 0 then
            return { 1, list, from_score, from_id, out }
          end
          budget = budget - 1
          local row = redis.call('HMGET', base .. 'd:' .. id, 'k', 'r', 's', 'm', 'c', 'n', 'a', 'b', 'q')
          if is_wanted(row, is_pending) then
            for _, value in ipairs({ id, row[1], row[2], row[3], row[4], row[5],
              is_pending and score or '', row[6] or '0', row[7] or '', row[8], row[9] or row[5] }) do
              out[#out + 1] = value
            end
            n_found = n_found + 1
          end
          from_score, from_id = score, id
        end
      end
    end
    from_score, from_id = '', ''
  end
end
return { 0, '', '', '', out }
