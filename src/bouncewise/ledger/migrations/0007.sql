-- From schema 6: what receivers report about the mail of our domains.

CREATE TABLE dmarc_report (
  id INTEGER PRIMARY KEY,
  reporter TEXT NOT NULL,
  report_id TEXT NOT NULL,
  domain TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  policy TEXT NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (reporter, report_id, domain)
);
CREATE INDEX dmarc_report_domain ON dmarc_report (domain, last);

CREATE TABLE dmarc_row (
  report INTEGER NOT NULL,
  source TEXT NOT NULL,
  mails INTEGER NOT NULL,
  disposition TEXT NOT NULL,
  dkim TEXT NOT NULL,
  spf TEXT NOT NULL,
  header_from TEXT NOT NULL,
  envelope_from TEXT NOT NULL,
  dkim_results TEXT NOT NULL,
  spf_results TEXT NOT NULL,
  reasons TEXT NOT NULL
);
CREATE INDEX dmarc_row_report ON dmarc_row (report);

CREATE TABLE tls_report (
  id INTEGER PRIMARY KEY,
  reporter TEXT NOT NULL,
  report_id TEXT NOT NULL,
  domain TEXT NOT NULL,
  policy TEXT NOT NULL,
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  sessions INTEGER NOT NULL,
  failed INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  UNIQUE (reporter, report_id, domain, policy)
);

CREATE TABLE tls_failure (
  report INTEGER NOT NULL,
  result TEXT NOT NULL,
  mx TEXT NOT NULL,
  sessions INTEGER NOT NULL
);
CREATE INDEX tls_failure_report ON tls_failure (report);
