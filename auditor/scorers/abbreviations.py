"""Abbreviations that no English word is spelt like, so that rules on random letters do not take them for noise.

Listed are endings of file names, formats, protocols, commands and units in use, of which `reply_noise` or
`reply_text` would take the letters for random ones: "js" has a pair of letters that no word has, "html" no vowel.
"""

from __future__ import annotations

import re

from auditor.scorers.reply_text import WORD

_LISTED = WORD.findall("""
    bbq bldg btrfs cjs csvs ctrl cx dbms dhcp dhtml docx dvds dx dxf ejs fbx fsck ftps fx geojson gfx govt
    graphql grpc gx hdds hjs hql html http https jdbc jdk jfk jk jni jpeg jpegs jpg jpgs jq jre js jsf json
    jsonl jsp jsx jvm jwk jws jwt kvm lsblk mhtml mjpeg mjs mkfs mqtt mssql mvp mvps mx mxnet mysql njk njs
    nosql nsfw ntfs nvm pdfs pkgs postgresql pptm pptx psql qcow qml qr qt qty rdbms rjs rpms rstp rsvp
    rtfm rtmp rtsp sctp sftp sfx smtp snmp sntp sql sqlite sqrt sqs ssds sshd svg svgz tbsp tbsps tftp tldr tsps
    tsql tsx txz vba vbs vcf vcs vfat vhd vhdx vm vmdk vms vmx vnc vpc vpn vpns vps vsdx wx xhtml xkcd xlsm
    xlsx xltx xmpp xslt xz yq zstd zx""")
_ABBREVIATION = re.compile(rf"(?<!\w)(?:{'|'.join(_LISTED)})(?!\w)", re.IGNORECASE)
_BREAK = re.compile(r"[,;|/\n]|\band\b|\bor\b|(?<=\w) ?& ?(?=\w)")
_EDGES = " \t.:!?()[]{}\"'…*-•+–"
_MARKER = re.compile(r"^\s*(?:[-•+–*]|\(?\d{1,2}[.)])\s+", re.MULTILINE)
_LONGEST = 5
_MOST = 24


def spell_out(text: str) -> str:
    """Return a text with an ordinary word in place of each abbreviation that is listed here.

    >>> spell_out("index.html, Http and jsmith")
    'index.word, word and jsmith'
    """
    return _ABBREVIATION.sub("word", text)


def short_items(text: str) -> list[str]:
    """Return the items of a list of different short words, each of which stands alone; of any other text, none.

    >>> short_items("gif, qoi or bmp."), short_items("qxv zkj"), short_items("gif, gif")
    (['gif', 'qoi', 'bmp'], [], [])
    """
    parts = [part.strip(_EDGES) for part in _BREAK.split(_MARKER.sub("", text))]
    items = [part for part in parts if part]
    fits = 2 <= len(items) <= _MOST and all(len(item) <= _LONGEST and item.isalnum() for item in items)
    return items if fits and len(set(items)) == len(items) else []
