-- The ids and scores of a sorted set up to `last` that lie behind the one that was looked at last, at most `limit`. What
-- has that one's score, and lies before it, was looked at already.
local function behind(set, first, last, seen_score, seen_id, limit)
  if seen_score ~= '' then first = seen_score end
  local found, skip, is_all = {}, 0, false
  while #found < limit and not is_all do
    local page = redis.call('ZRANGEBYSCORE', set, first, last, 'WITHSCORES', 'LIMIT', skip, limit)
    is_all = #page < 2 * limit
    skip = skip + limit
    for at = 1, #page, 2 do
      local is_seen = page[at + 1] == seen_score and page[at] <= seen_id
      if not is_seen and #found < limit then found[#found + 1] = { page[at], page[at + 1] } end
    end
  end
  return found
end

