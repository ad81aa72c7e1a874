-- Where found credentials stand in the material (leaks.md, capability 8): the first place of each, by its document and
-- its offset. NULL where it is not known: what older versions found, and what did not come out of a document.

ALTER TABLE found_credentials
    ADD COLUMN place_document TEXT COLLATE "C", -- its path, with those of the archives that it is in
    ADD COLUMN place_offset   BIGINT,           -- in bytes of the document's text
    ADD COLUMN place_line     BIGINT,           -- from 1; NULL where only the offset is known
    ADD COLUMN place_shape    TEXT COLLATE "C", -- scan::candidate::Shape, by its name
    ADD COLUMN place_host     TEXT COLLATE "C"; -- of the site that it was used at
