-- Detections are kept rendered, as events are: a list of today's API copies texts (docs/adr/0006-one-domain-three-views.md).

-- model::detection_members: what v1.0 shows, as if there were no evidence; null where nobody has rendered it
ALTER TABLE risk_events ADD COLUMN detection TEXT;
UPDATE risk_events SET detection =
    detection_members(id, user_display_name, user_principal_name, risk_event_date_time, risk_event_type, risk_level,
                      risk_event_status, closed_date_time, created_date_time, user_id, NULL, risk_detail, NULL,
                      last_updated_date_time);

-- Whoever had the store open before knows nothing of the column. Their rows have none, and what they have changed loses it:
-- with every change of an event the time of its latest does, so that no text stays as it was.
CREATE TRIGGER risk_events_detection AFTER UPDATE OF version ON risk_events WHEN NEW.detection = OLD.detection
BEGIN
    UPDATE risk_events SET detection = NULL WHERE key = NEW.key;
END;
