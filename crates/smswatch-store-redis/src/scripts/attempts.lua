-- The attempts of a delivery with one more, of which at most so many are kept.
local function with_attempt(attempts, attempt, most)
  local all = {}
  for line in (attempts or ''):gmatch('[^\n]+') do all[#all + 1] = line end
  all[#all + 1] = attempt
  -- The first one tells how it began.
  while #all > most do table.remove(all, 2) end
  return table.concat(all, '\n')
end

