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


def spell_out(text: str) -> str:
    """Return a text with an ordinary word in place of each abbreviation that is listed here.

    >>> spell_out("index.html, Http and jsmith")
    'index.word, word and jsmith'
    """
    return _ABBREVIATION.sub("word", text)
