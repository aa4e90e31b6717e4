"""What an audit of a list brings into the work file for its SQL, and what it asks of it."""

import pyarrow as pa

ASKED = pa.schema([("email", pa.string()), ("is_there", pa.bool_()), ("shown", pa.string())])
# Whoever of ours, or of the list, is not subscribed: the list is read whole.
NOT_SUBSCRIBED_QUERY = """
SELECT email FROM audit.members
UNION
SELECT email FROM audit.doubted
UNION
SELECT email FROM audit.listed
EXCEPT
SELECT email FROM audit.listed WHERE status = 'subscribed'
"""
# Who is nowhere on the list first, then those longest not written.
ASK_QUERY = """
SELECT DISTINCT m.email, l.email IS NOT NULL AS is_listed
FROM audit.members AS m
LEFT JOIN audit.listed AS l ON l.email = m.email
WHERE m.is_due AND m.meant IS NOT NULL AND (l.status IS NULL OR l.status = 'subscribed')
ORDER BY is_listed, hash(m.email)
LIMIT ?
"""
