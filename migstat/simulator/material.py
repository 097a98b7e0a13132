"""Names, findings and messages of scripted migrations."""

from __future__ import annotations

from dataclasses import dataclass, replace

CHECK_NAMES = (
    "AdvancedRoadmapsOutdated", "AdvancedRoadmapsProjectMigratedConflict", "AnonPermission",
    "AppAssessmentIncomplete", "AppDataMigrationConsent", "AppLicenseCheck", "AppsNotInstalledOnCloud",
    "AppsReliabilityCheck", "AppVendorCheck", "AppWebhookEndpointCheck", "CloudFreeUserLimit", "CloudSiteNotEmpty",
    "CrossProjectEntityMissingProjectSelection", "DatabaseSize", "EpicLinksAboveStoryHierarchyLevel",
    "JsmCloudEntityCreationLimits", "JsmCloudFreeAgentLimit", "JsmInCloudSite", "JsmLicence",
    "ManualImportFileValidation", "MissingAttachments", "MissingIssueTypes", "AttachmentSizeLimit",
    "BoardFilterVisibility", "CloudStorageQuota", "ClockDrift", "CustomFieldTypeUnsupported",
    "DashboardOwnerInactive", "DestinationReachable", "DuplicateEmail", "GroupNameConflict", "InvalidEmail",
    "IssueKeyConflict", "IssueSecurityLevels", "NetworkProxyReachable", "NodeFreeDiskSpace", "OrphanedWorkflows",
    "PermissionSchemeGrants", "ProjectKeyConflict", "ProjectNameConflict", "ScriptedWorkflowConditions",
    "ServerVersionSupported", "SharedConfiguration", "TrustedUserDomains", "UserDirectoryConsistency",
    "WorkflowStatusMapping",
)  # fmt: skip

# Project keys with their thousands of issues; a large one comes last, for a long tail.
PROJECTS = (
    ("ACME", 9), ("HELP", 42), ("OPS", 28), ("PLAT", 35), ("WEB", 14), ("MOB", 17), ("API", 12), ("SEC", 6),
    ("HR", 3), ("FIN", 8), ("LEGAL", 2), ("MKT", 5), ("SALES", 11), ("CRM", 22), ("ERP", 38), ("DATA", 19),
    ("BI", 7), ("ML", 4), ("QA", 16), ("REL", 6), ("DOCS", 3), ("UX", 5), ("ARCH", 1), ("INFRA", 31),
    ("NET", 9), ("DBA", 4), ("SRE", 13), ("ITSM", 45), ("FAC", 2), ("TRAIN", 1), ("PART", 6), ("LAB", 2),
    ("IOT", 8), ("PAY", 24), ("BILL", 18), ("SHOP", 27), ("LOGI", 10), ("EMEA", 5), ("APAC", 4),
    ("ATTIC", 33),
)  # fmt: skip

# Space keys with their hundreds of pages.
SPACES = (
    ("DOC", 12), ("ENG", 30), ("HR", 4), ("OPS", 18), ("SALES", 7), ("MKT", 9), ("LEGAL", 3), ("FIN", 5),
    ("ARCH", 11), ("QA", 8), ("SEC", 6), ("KB", 40), ("RUN", 13), ("TEAM", 2), ("NEWS", 5), ("ONB", 3),
    ("PROD", 21), ("UX", 6), ("DATA", 10), ("ITSM", 16), ("LAB", 1), ("PART", 4), ("POL", 2), ("OLD", 25),
    ("~jdoe", 1),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SimEnd:
    """How something ends; for checks also what was found."""

    outcome: str
    message: str | None = None
    occurrences: tuple[str, ...] = ()
    description: str | None = None
    excludable: bool | None = None


SUCCESS = SimEnd("SUCCESS")
CHECK_WARNINGS = {
    "AnonPermission": SimEnd(
        "WARNING",
        "2 projects let people browse without logging in.",
        ("HELP: permission scheme 'Public desk'", "DOCS: permission scheme 'Open documentation'"),
        "Looks for permissions that are granted to anonymous people.",
        excludable=True,
    ),
    "DuplicateEmail": SimEnd(
        "WARNING",
        "3 accounts share an e-mail address with another one; they will be merged.",
        ("build-bot, release-bot", "j.doe, jdoe", "support, helpdesk"),
        "Compares the e-mail addresses of all accounts.",
        excludable=True,
    ),
    "MissingAttachments": SimEnd(
        "WARNING",
        "17 attachments are recorded in the database and missing on disk.",
        ("ATTIC-112: scan.pdf", "ATTIC-340: minutes.docx", "ERP-2201: ledger.xlsx"),
        "Compares the attachments in the database with the files on disk.",
        excludable=True,
    ),
}
CHECK_FAILURES = {
    "InvalidEmail": SimEnd(
        "FAILED",
        "4 accounts have an e-mail address that cannot exist in the cloud.",
        ("admin@localhost", "ci@build", "nobody", "test@@example.com"),
        "Validates the e-mail addresses of all accounts in scope.",
        excludable=False,
    ),
    "ProjectKeyConflict": SimEnd(
        "FAILED",
        "Key OPS is already in use at the destination.",
        ("OPS: 'Operations' here, 'Opportunities' at the destination",),
        "Looks for keys that are taken at the destination.",
        excludable=True,
    ),
}
YESTERDAY = {
    "AnonPermission": replace(
        CHECK_WARNINGS["AnonPermission"],
        message="1 project lets people browse without logging in.",
        occurrences=CHECK_WARNINGS["AnonPermission"].occurrences[:1],
    ),
    "BoardFilterVisibility": SimEnd(
        "WARNING",
        "2 boards use a filter that only its owner can see.",
        ("Board 12: filter 'My team'", "Board 31: filter 'Triage'"),
        "Looks for boards that would be empty for everyone else.",
        excludable=True,
    ),
    "DuplicateEmail": CHECK_WARNINGS["DuplicateEmail"],
    "InvalidEmail": SimEnd(
        "WARNING",
        "7 accounts have an e-mail address that cannot exist in the cloud.",
        ("admin@localhost", "ci@build", "nobody", "root@", "@acme", "n/a", "old-bot@localhost"),
        "Validates the e-mail addresses of all accounts in scope.",
        excludable=False,
    ),
}
"""What the checks of the day before found: some were fixed since, others are new."""

ONE_CHECK_WARNING = {"DuplicateEmail": CHECK_WARNINGS["DuplicateEmail"]}

PROJECT_WARNINGS = {
    "HELP": SimEnd("WARNING", "3 request types were imported without their icons."),
    "ATTIC": SimEnd("WARNING", "17 of 33000 issues were imported without their attachments."),
}
PROJECT_FAILURES = {
    "ERP": SimEnd("FAILED", "Import stopped: custom field 'Cost centre' has a type the destination lacks."),
    "PAY": SimEnd("FAILED", "Upload of attachments timed out 5 times; the project was rolled back."),
    "INFRA": SimEnd("FAILED", "Workflow 'Change control' refers to a status that does not exist."),
    "SHOP": SimEnd("INCOMPLETE", "1204 of 27000 issues could not be imported."),
}
APPS = {
    "com.example.timesheets": SimEnd("WARNING", "12 of 4810 work logs belong to unknown people."),
    "com.example.diagrams": SUCCESS,
}


ATTACHED = "The cloud site is no longer attached to this server. Connect it again in the migration assistant."
BUSY = "Another run of this job is still in progress; this one was not started."
