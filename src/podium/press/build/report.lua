-- Pandoc's typst writer drops a picture's words for those who cannot see it: write the picture with them.
function Image(picture)
  local words = picture.attributes.alt or pandoc.utils.stringify(picture.caption)
  if not FORMAT:match("typst") or words == "" then
    return nil
  end
  local function quoted(text)
    return '"' .. text:gsub("\\", "\\\\"):gsub('"', '\\"') .. '"'
  end
  local width = picture.attributes.width and (", width: " .. picture.attributes.width:gsub("px", "pt")) or ""
  return pandoc.RawInline("typst", "#box(image(" .. quoted(picture.src) .. ", alt: " .. quoted(words) .. width .. "))")
end
