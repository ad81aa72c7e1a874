-- Detections are kept rendered, as events are: a list of today's API copies texts (docs/adr/0006-one-domain-three-views.md).

-- model::detection_members: what v1.0 shows, as if there were no evidence
ALTER TABLE risk_events ADD COLUMN detection TEXT NOT NULL DEFAULT '';
UPDATE risk_events SET detection =
    detection_members(id, user_display_name, user_principal_name, risk_event_date_time, risk_event_type, risk_level,
                      risk_event_status, closed_date_time, created_date_time, user_id, NULL, risk_detail, NULL,
                      last_updated_date_time);
