"""The error tree, and the form in which every fault is told.

::

    PoiseError
    ├── InputError (also a ValueError)   the input is at fault: exit 2
    │   ├── EstateError      E1xx  estate.yaml, its tables, its calendars, outcomes
    │   ├── ThreatFeedError  E2xx  KEV, EPSS, SSVC tables and their downloads
    │   ├── ModelError       E3xx  a problem or plan whose arrays contradict each other; checkpoints E32x
    │   ├── ScanFormatError  E4xx  a scanner report
    │   ├── TableError       E55x  limits, and steps of a negotiation
    │   ├── IncidentError    E82x-E84x  an act of an incident, a clock's rule, a drill, a message
    │   ├── PolicyError      E80x  a policy, an exception, a baseline or a log of the gate
    │   ├── DialogueError    E85x  an act of the dialogue
    │   ├── DeskError        E87x  a setting, upload or form of the desk
    │   ├── NotAllowedError  E870  a role may not do this
    │   ├── ConflictError    E871  somebody else was first
    │   └── LedgerError      E70x  a file, key or request of the ledger
    ├── ClusterError         E32x  machines to compute on: exit 2
    ├── NoFeasiblePlanError  E5xx  no plan meets the hard limits: exit 1
    ├── EvidenceError        E6xx  evidence is missing, stale or for something else: exit 3
    ├── ChainError           E72x  the ledger is not the one that was written: exit 1
    ├── SignatureError       E74x  a signature is false, missing or not entitled: exit 4
    └── InternalError        E9xx  our own fault: exit 5

A :class:`Fault` is one thing that is wrong, said as ``where: id message`` and a
hint.  An error carries every fault that was found, so that a file is mended in one
round and not in ten.  ``docs/errors.md`` lists every id; a test holds the two together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

#: Every fault id that Poise can print, with what it means. One line each.
FAULT_IDS: dict[str, str] = {
    "E100": "A file of the estate cannot be opened: it is missing, a directory, too large or not readable.",
    "E101": "A file of the estate is not UTF-8 text.",
    "E102": "A file of the estate is empty.",
    "E103": "A window or a change freeze ends before it starts.",
    "E104": "The YAML is malformed.",
    "E105": "The YAML uses anchors, aliases or tags, which no file of Poise needs.",
    "E106": "A YAML file is nested too deep.",
    "E107": "A single value, a list or a block of keys stands where another of these was expected.",
    "E108": "An id or a key is given twice.",
    "E109": "A key or a column is not a word of the estate's vocabulary.",
    "E110": "A required key is missing.",
    "E111": "A number cannot be read or is out of its range.",
    "E112": "A duration cannot be read or is out of its range.",
    "E113": "A block of weekday hours cannot be read, or two blocks overlap.",
    "E114": "A time zone is not known.",
    "E115": "A date or time cannot be read.",
    "E116": "A word is not one of those allowed here.",
    "E117": "The low end of a range lies above its high end.",
    "E118": "An id points to nothing.",
    "E119": "Redundant groups contradict each other.",
    "E120": "The stages of a rollout ring do not follow each other from 0.",
    "E121": "A patch group says of no asset that it belongs to it.",
    "E122": "A pattern that matches assets cannot be read.",
    "E123": "An id holds characters that it may not hold.",
    "E124": "A CSV table cannot be read.",
    "E125": "The estate lacks a section without which nothing can be planned.",
    "E130": "The iCalendar file is cut off, or its BEGIN and END lines do not pair.",
    "E131": "The file is not an iCalendar file, or it holds no event.",
    "E132": "A calendar event has no DTSTART.",
    "E133": "A line of the iCalendar file cannot be read.",
    "E134": "A recurrence rule cannot be read.",
    "E135": "A calendar repeats more often than any maintenance calendar does.",
    "E136": "A calendar event names a time zone that neither the file defines nor anyone knows.",
    "E140": "The reports name no asset, so no estate can be drafted from them.",
    "E141": "A file would be overwritten.",
    "E142": "A date, time or time zone given on the command line cannot be read.",
    "E200": "A file of a threat feed cannot be opened or read.",
    "E201": "A file is not the threat feed that it was taken for.",
    "E202": "A file of a threat feed is cut off or damaged.",
    "E203": "A threat feed does not say which day it is of.",
    "E204": "A file of a threat feed unpacks to more than the limit.",
    "E205": "A row of a threat feed names no CVE id.",
    "E206": "An EPSS probability or percentile is not a number between 0 and 1.",
    "E207": "A vulnerability is listed twice in a threat feed.",
    "E208": "A date in a threat feed cannot be read.",
    "E209": "So many rows of a threat feed are faulty that the whole cannot be trusted.",
    "E210": "A word in a threat feed is not one of those that the feed defines.",
    "E211": "A row or record of a threat feed has the wrong shape.",
    "E212": "A threat feed holds no usable row.",
    "E220": "The address of a threat feed is not allowed: not https, or not complete.",
    "E221": "The server of a threat feed cannot be reached, or took too long.",
    "E222": "The server of a threat feed answered with an error.",
    "E223": "A threat feed is redirected to an address that is not allowed.",
    "E224": "The download of a threat feed broke off, or its pieces do not fit together.",
    "E225": "The download of a threat feed is larger than the limit.",
    "E226": "A threat feed lost so many rows against the last good one that it is refused.",
    "E230": "The list of stored threat snapshots cannot be read.",
    "E231": "A stored threat snapshot is missing, or is not what was stored.",
    "E232": "Another update of the threat feeds is running.",
    "E233": "The store of threat feeds cannot be written.",
    "E300": "An array of a planning problem or plan has the wrong shape.",
    "E301": "An array of a planning problem or plan has the wrong type of number.",
    "E302": "A number of a planning problem is NaN or infinite where it must be finite.",
    "E303": "A number of a planning problem is negative where it must not be.",
    "E304": "A pointer array of a planning problem does not cut its entries into groups.",
    "E305": "The windows of a planning problem are out of order, or one ends before it starts.",
    "E306": "The slots of a group are not in strictly increasing order of windows.",
    "E307": "An index of a planning problem or plan points outside its range.",
    "E308": "Links between changes form a circle.",
    "E309": "A group is excluded from itself.",
    "E310": "Times of a planning problem contradict each other.",
    "E311": "A change must meet a due date that it does not have.",
    "E312": "A planning problem caps amounts of the whole plan, which this solver does not keep.",
    "E320": "A checkpoint is of another problem.",
    "E321": "A file that should be a checkpoint is none, or is damaged.",
    "E322": "A checkpoint cannot be read or written.",
    "E325": "Ray is not installed, so there is no cluster to compute on.",
    "E326": "The cluster cannot be reached or started.",
    "E327": "The cluster lost the same piece of work again and again.",
    "E500": "A change with a hard due date fits no window before it.",
    "E501": "No plan meets all hard due dates together.",
    "E502": "No plan has this little disruption.",
    "E503": "No plan has this little exposure.",
    "E504": "The time was over before a feasible plan was found.",
    "E505": "No plan keeps all caps on amounts together.",
    "E400": "The report cannot be opened: it is missing, a directory, or not readable.",
    "E401": "The report is empty.",
    "E402": "The gzip or zip archive is damaged or cut off.",
    "E403": "The report's bytes are not in the encoding that its format requires.",
    "E404": "No reader knows this file.",
    "E405": "The XML is malformed or cut off.",
    "E406": "The JSON is malformed or cut off.",
    "E407": "The CSV is malformed or cut off.",
    "E408": "The archive unpacks to more than the limit, as a decompression bomb does.",
    "E409": "A record is nested too deep or is too large to be one.",
    "E410": "The XML declares entities, which Poise never expands.",
    "E411": "A record lacks a field without which it cannot be a finding.",
    "E412": "The report lacks a part that its format requires.",
    "E413": "The report is of a version or kind that Poise does not read.",
    "E414": "A field of a record holds a value that its format does not allow.",
    "E415": "The archive is encrypted, nested, or packed by a method that Poise does not read.",
    "E416": "The text is not UTF-8; it was read as Windows-1252.",
    "E417": "The stored snapshot is damaged.",
    "E418": "The scanner itself reports that the scan failed or did not finish.",
    "E419": "The report is one page of several; the others are not in it.",
    "E420": "The report looks like several formats at once.",
    "E180": "The outcomes file cannot be read.",
    "E181": "The outcomes file lacks a column, or has one that is not known.",
    "E182": "A value in the outcomes file is missing or cannot be read.",
    "E183": "The outcomes file reports a change twice.",
    "E520": "There is nothing to plan: no fixable vulnerability on any asset of the estate.",
    "E521": "A file that should be a plan.json is none.",
    "E522": "The kept risk calibration cannot be read.",
    "E184": "The next scan was named without the estate that maps it.",
    "E700": "A file of the ledger cannot be read or written.",
    "E701": "A value cannot be written as canonical JSON.",
    "E702": "A file of the ledger is no JSON text.",
    "E703": "A field of an envelope is missing or cannot be read.",
    "E704": "A file of the ledger would be overwritten.",
    "E705": "A file is no signer's key, or is a key without a passphrase.",
    "E706": "A key does not open with the passphrase, or no passphrase was given.",
    "E707": "A passphrase is too short.",
    "E708": "A file is no ledger, is damaged, or is a ledger of another version.",
    "E709": "Others have been writing to the ledger for too long.",
    "E710": "Nothing can be added to the ledger: no room, or no permission.",
    "E711": "The clock is behind the ledger's last record.",
    "E712": "A word is no kind of record, or no person.",
    "E713": "A record that is referred to is not there.",
    "E714": "A record is too large.",
    "E715": "A statement has expired, or was made after its place in the chain.",
    "E716": "The ledger is empty.",
    "E720": "A line is not a record as it was written: cut off, changed, or not in canonical form.",
    "E721": "A record was changed: its content does not have its hash.",
    "E722": "A record does not follow the one before it.",
    "E723": "The body of a record is not the one that its statement commits to.",
    "E724": "The body of a record was taken out, and no record says why.",
    "E725": "The end of the ledger was cut off: a checkpoint knows more records.",
    "E726": "The ledger was rebuilt: a checkpoint knows another record at its place.",
    "E727": "The author of a record saw another history than the one before it.",
    "E728": "A signed statement stands in the ledger twice.",
    "E729": "A record erases what is kept for ever.",
    "E740": "A signature is false.",
    "E741": "A signature is by a key that is not enrolled at its place.",
    "E742": "A signature is by a key that was replaced or revoked before.",
    "E743": "A signature is missing that the record needs.",
    "E744": "One person stands on both sides.",
    "E745": "A record about keys breaks the rules.",
    "E746": "A checkpoint is not signed by a key that counts.",
    "E550": "A file of limits, terms or triggers cannot be read.",
    "E551": "A limit does not make sense.",
    "E552": "A limit is given twice.",
    "E553": "A limit names something that the estate does not have.",
    "E554": "There is no such limit, change, plan or proposal at this table.",
    "E555": "There is no table in this workspace.",
    "E556": "The file of the table is damaged.",
    "E557": "This step is not possible at this point of the negotiation.",
    "E558": "An opened position is not the one that was sealed.",
    "E580": "A file that should be a risk.json is none, or an array of it cannot be.",
    "E581": "A simulation is asked for too many or too few draws.",
    "E582": "A plan is named that the run does not have.",
    "E583": "A KEV change history cannot be read, or a row of it has the wrong shape.",
    "E584": "The days of a replay contradict each other, or the tables do not reach them.",
    "E585": "A company type, dial or policy of a replay is not known, or out of its range.",
    "E600": "A report that the policy asks for is missing.",
    "E601": "A report is empty, cut off or cannot be read, so it proves nothing.",
    "E602": "A scanner failed, ran out of time, or did not scan all.",
    "E603": "A report is of another commit, or does not say of which.",
    "E604": "A report is too old, from the future, or does not say when it was made.",
    "E605": "A report is by another tool, or in another format, than the policy agrees.",
    "E606": "There is no baseline, so nobody can say what is new.",
    "E607": "Both sides of 'new' were judged by different databases.",
    "E608": "Records of a report could not be read.",
    "E609": "Threat evidence that the policy's rules ask for is missing or stale.",
    "E610": "A policy or baseline is not the one that the verdict rests on.",
    "E611": "A record of the gate holds no signed document of its kind.",
    "E612": "A verdict cannot be handed to a desk.",
    "E613": "A desk cannot take a verdict in: it is none, or of another form.",
    "E780": "A document of the gate lacks a signature that it needs.",
    "E781": "A document of the gate is not valid yet, or has expired.",
    "E782": "A document of the gate is for another service or commit.",
    "E800": "A file of the gate cannot be opened, or is none of its kind.",
    "E801": "A key is not a word of the policy's vocabulary.",
    "E802": "A key that a policy requires is missing.",
    "E803": "A value of a policy cannot be read or is out of its range.",
    "E804": "A word of a policy is not one of those allowed here.",
    "E805": "A rule, report or role is named that the policy does not define.",
    "E806": "A condition in CEL cannot be read, or is not true or false.",
    "E807": "A baseline, history or log of the gate cannot be read.",
    "E808": "A finding is named that is not in the verdict.",
    "E850": "An act of the dialogue, or a file of one, cannot be read or contradicts itself.",
    "E851": "An act of the dialogue takes an id that is taken.",
    "E852": "An act of the dialogue names something that is not there.",
    "E853": "An act of the dialogue is not possible at this point.",
    "E854": "An act of the dialogue is the other side's to say.",
    "E855": "Answers are not those that were sealed.",
    "E856": "A plan document cannot be read.",
    "E857": "A digest cannot be sent to this address.",
    "E870": "A role may not do this.",
    "E871": "Somebody else changed it first, or it is there already.",
    "E872": "The desk's database cannot be reached or written.",
    "E873": "An upload is empty, too large, or cannot be kept.",
    "E874": "A job of the desk lost its worker.",
    "E875": "A setting of the desk is missing or cannot be read.",
    "E876": "What was entered about a person will not do.",
    "E877": "A signing key of the desk is missing, or is there already.",
    "E878": "A form was filled in wrongly.",
    "E820": "A body is no act of an incident, or says less than such an act must.",
    "E821": "An act of an incident names something that is not there.",
    "E822": "An act of an incident is not possible at this point.",
    "E823": "An act of an incident is the other side's, or the lead's.",
    "E824": "A correction would go to fewer people than the statement that it corrects.",
    "E825": "A promised update cannot be moved: it is late already, or the new time is over.",
    "E826": "An update without a promised next one.",
    "E827": "A statement was corrected or withdrawn already.",
    "E830": "A rule of a regulator's clock cannot be read.",
    "E831": "The stages, anchors, zone or calendar of a rule do not fit together.",
    "E832": "No regime of this name is known.",
    "E833": "An anchor or a filing on the command line cannot be read, or the rule has none of this name.",
    "E834": "A calendar of business days is not known.",
    "E835": "The rule is no law in force, so its clocks do not run unless that is asked for.",
    "E836": "An address for messages is not allowed or cannot be read.",
    "E837": "A message could not be delivered.",
    "E838": "A legal hold forbids to erase this record.",
    "E839": "A drill's scenario is not known or cannot be read.",
    "E840": "The cost of waiting cannot be computed from what is given.",
    "E841": "A reader's profile cannot be read.",
    "E900": "Poise itself failed; the report on disk is incomplete.",
    "E901": "A file or folder that the command names cannot be read or written.",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with an input.

    Parameters
    ----------
    id
        A key of :data:`FAULT_IDS`, such as ``"E103"``.
    where
        File and place: ``"estate.yaml:17"``, ``"scan.nessus:host db1, item 4"``.
    message
        What is wrong with the value seen and what was expected; a sentence.
    hint
        What the reader can do about it; a sentence, or empty.
    """

    id: str
    where: str
    message: str
    hint: str = ""

    def __post_init__(self) -> None:
        if self.id not in FAULT_IDS:
            raise KeyError(f"Fault id {self.id!r} is not in poise.errors.FAULT_IDS.")

    def __str__(self) -> str:
        text = f"{self.where}: {self.id} {self.message}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text

    def as_dict(self) -> dict[str, str]:
        """Return the fault as the JSON object that ``--json`` prints."""
        return asdict(self)


class PoiseError(Exception):
    """Base of every error that Poise raises on purpose.

    Parameters
    ----------
    faults
        One fault or several; never none.
    """

    exit_code = 2

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        if not self.faults:
            raise ValueError("A PoiseError needs at least one fault.")
        super().__init__("\n".join(str(fault) for fault in self.faults))

    def __reduce__(self) -> tuple[type[PoiseError], tuple[tuple[Fault, ...]]]:
        """Let the error pass from one process to another with its faults."""
        return type(self), (self.faults,)


class InputError(PoiseError, ValueError):
    """The input is at fault."""


class EstateError(InputError):
    """The description of services, groups, teams or calendars is at fault."""


class ThreatFeedError(InputError):
    """A table of threat evidence, or its download, is at fault."""


class ModelError(InputError):
    """A planning problem or a plan contradicts itself."""


class ScanFormatError(InputError):
    """A scanner report cannot be read."""


class TableError(InputError):
    """A limit, a file or a step at the table is at fault."""


class IncidentError(InputError):
    """An act of an incident, a clock's rule, a drill or a message is at fault."""


class LedgerError(InputError):
    """A file, a key or a request of the ledger is at fault."""


class PolicyError(InputError):
    """A policy or another file of the gate is at fault."""


class DialogueError(InputError):
    """An act of the dialogue, or a file of one, is at fault."""


class DeskError(InputError):
    """A setting, an upload or a form of the desk is at fault."""


class NotAllowedError(InputError):
    """A role may not do this."""


class ConflictError(InputError):
    """Somebody else was first: the change was made on what is not there any more."""


class ClusterError(PoiseError):
    """There are no machines to compute on, or they are lost."""


class NoFeasiblePlanError(PoiseError):
    """No plan meets the hard limits."""

    exit_code = 1


class EvidenceError(PoiseError):
    """Evidence is missing, stale, or for something else."""

    exit_code = 3


class ChainError(PoiseError):
    """The ledger is not the one that was written."""

    exit_code = 1


class SignatureError(PoiseError):
    """A signature is false, missing, or not entitled to what it signs."""

    exit_code = 4


class InternalError(PoiseError):
    """Poise itself is at fault."""

    exit_code = 5
