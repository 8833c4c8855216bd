"""A DMARC aggregate report and an SMTP TLS report."""

from __future__ import annotations

RECORD = """
  <record>
    <row><source_ip>{ip}</source_ip><count>{count}</count>
      <policy_evaluated><disposition>none</disposition><dkim>{dkim}</dkim><spf>{spf}</spf>
        <reason><type>mailing_list</type><comment>x</comment></reason></policy_evaluated></row>
    <identifiers><header_from>Example.com.</header_from><envelope_from/></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><selector>s1</selector><result>Pass</result></dkim>
      <spf><domain>b.example.com</domain><result>softfail</result></spf></auth_results>
  </record>"""
ROWS = RECORD.format(ip="192.0.2.1", count=7, dkim="pass", spf="fail") + RECORD.format(
    ip="2001:DB8::1", count=1, dkim="fail", spf="fail"
)
REPORT = f"""<?xml version="1.0" encoding="UTF-8"?>
<feedback>
  <version>1.0</version>
  <report_metadata><org_name>there.example</org_name><email>dmarc@there.example</email>
    <report_id>r1</report_id>
    <date_range><begin>1795305600</begin><end>1795391999</end></date_range></report_metadata>
  <policy_published><domain>example.com</domain><p>none</p><sp>reject</sp><pct>100</pct></policy_published>
{ROWS}
</feedback>
"""

TLS = {
    "organization-name": "there.example",
    "date-range": {
        "start-datetime": "2026-11-22T00:00:00Z",
        "end-datetime": "2026-11-22T23:59:59Z",
    },
    "report-id": "t1",
    "policies": [
        {
            "policy": {"policy-type": "sts", "policy-domain": "Example.com"},
            "summary": {"total-successful-session-count": 90, "total-failure-session-count": 10},
            "failure-details": [
                {
                    "result-type": "certificate-expired",
                    "receiving-mx-hostname": "mx.example.com",
                    "failed-session-count": 10,
                }
            ],
        }
    ],
}
