from django.db import migrations

FORBID = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The ledger is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION ledger_await_link() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO ledger_pending (entry_id) VALUES (NEW.id);
    RETURN NULL;
END $$;

CREATE TRIGGER ledger_entry_pending AFTER INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION ledger_await_link();
"""

TABLES = ["ledger_entry", "ledger_link", "ledger_checkpoint"]


def forward() -> str:
    triggers = [
        f"CREATE TRIGGER {table}_keep_rows BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION ledger_refuse();\n"
        f"CREATE TRIGGER {table}_keep BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();"
        for table in TABLES
    ]
    return FORBID + "\n".join(triggers)


def backward() -> str:
    drops = [
        f"DROP TRIGGER {table}_keep ON {table}; DROP TRIGGER {table}_keep_rows ON {table};" for table in TABLES
    ]
    return (
        "\n".join(drops)
        + "DROP TRIGGER ledger_entry_pending ON ledger_entry; DROP FUNCTION ledger_await_link(); DROP FUNCTION ledger_refuse();"
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunSQL(forward(), backward())]
