-- A due time in six bytes, as it stands in the head of a record and before an entry of a lease.
local function due_bytes(due)
  local bytes = {}
  for place = 6, 1, -1 do
    bytes[place] = string.char(due % 256)
    due = math.floor(due / 256)
  end
  return table.concat(bytes)
end

