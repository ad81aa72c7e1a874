-- Where found credentials stand in the material (leaks.md, capability 8): the first place of each, by its document and
-- its offset. NULL where it is not known: what older versions found, and what did not come out of a document.

ALTER TABLE found_credentials ADD COLUMN place_document TEXT;    -- its path, with those of the archives that it is in
ALTER TABLE found_credentials ADD COLUMN place_offset   INTEGER; -- in bytes of the document's text
ALTER TABLE found_credentials ADD COLUMN place_line     INTEGER; -- from 1; NULL where only the offset is known
ALTER TABLE found_credentials ADD COLUMN place_shape    TEXT;    -- scan::candidate::Shape, by its name
ALTER TABLE found_credentials ADD COLUMN place_host     TEXT;    -- of the site that it was used at
