from django.db import migrations

FORWARD = """
CREATE FUNCTION incidents_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'What was said in an incident stays as it is: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER incidents_message_keep_rows BEFORE UPDATE OR DELETE ON incidents_message
    FOR EACH ROW EXECUTE FUNCTION incidents_refuse();
CREATE TRIGGER incidents_answer_keep_rows BEFORE UPDATE OR DELETE ON incidents_answer
    FOR EACH ROW EXECUTE FUNCTION incidents_refuse();
"""
BACKWARD = """
DROP TRIGGER incidents_answer_keep_rows ON incidents_answer;
DROP TRIGGER incidents_message_keep_rows ON incidents_message;
DROP FUNCTION incidents_refuse();
"""


class Migration(migrations.Migration):
    dependencies = [("incidents", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
