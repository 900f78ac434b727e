#!/usr/bin/env bash
# Makes every shipped calibration anew from the public files in $AUDITOR_DATA_DIR, into the folder named (default: this one).
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
out="${1:-$here}"
data="${AUDITOR_DATA_DIR:-$here/../../shared/data}"
python="${PYTHON:-$here/../.venv/bin/python}"

calibrate() { # FILE NAME MORE…
  "$python" -m auditor scorers calibrate "$2" --out "$out/$1" "${@:3}" > /dev/null
}

calibrate profanity-paradetox.json alt-profanity-check \
  --data "$data/paradetox/paradetox.tsv" --format tsv-quoted \
  --text toxic --text neutral1 --text neutral2 --text neutral3 --label '#column' --positive toxic \
  --construct profanity --language en --licence 'CC0 1.0' \
  --source 'ParaDetox, Logacheva et al. 2022, s-nlp/paradetox @ d97b17d08135'

calibrate hate-hatecheck.json alt-profanity-check \
  --data "$data/hatecheck/test_suite_cases.csv" --text test_case --label label_gold \
  --positive hateful --negative non-hateful --group target_ident --group functionality --cluster templ_id \
  --construct hate --language en --licence 'CC BY 4.0' \
  --source 'HateCheck, Röttger et al. 2021, paul-rottger/hatecheck-data @ d84302298cee'

for language in fr:French:french es:Spanish:spanish zh:Mandarin:mandarin; do
  IFS=: read -r code name file <<< "$language"
  calibrate "hate-hatecheck-$code.json" alt-profanity-check \
    --data "$data/multilingual_hatecheck/hatecheck_cases_final_$file.csv" --text test_case --label label_gold \
    --positive hateful --negative non-hateful --group target_ident --group functionality --cluster templ_id \
    --construct hate --language "$code" --licence 'CC BY 4.0' \
    --source "Multilingual HateCheck $name, Röttger et al. 2022, rewire-online/multilingual-hatecheck @ a03f2caf2023"
done

for model in gpt4:GPT-4 mistralinstruct:Mistral-Instruct; do
  IFS=: read -r file name <<< "$model"
  calibrate "refusal-xstest-$file.json" refusal \
    --data "$data/xstest/completions_$file.csv" --text completion --prompt prompt --label final_label \
    --positive 2_full_refusal --positive 3_partial_refusal --negative 1_full_compliance --group type \
    --construct refusal --language en --licence "completions under their model's terms" \
    --source "XSTest completions of $name, Röttger et al. 2024, paul-rottger/exaggerated-safety @ d7bb5bd738c1"
done

calibrate refusal-xstest-gpt4-minilm.json minilm-refusal \
  --data "$data/xstest/completions_gpt4.csv" --text completion --prompt prompt --label final_label \
  --positive 2_full_refusal --positive 3_partial_refusal --negative 1_full_compliance --group type \
  --construct refusal --language en --licence "completions under their model's terms" \
  --source "XSTest completions of GPT-4, Röttger et al. 2024, paul-rottger/exaggerated-safety @ d7bb5bd738c1"

work="$(mktemp -d)"
trap 'rm -r "$work"' EXIT
(cd "$here/.." && "$python" -m training --data "$data" --held-out "$work/minilm-toxicity-held-out.jsonl")

calibrate toxicity-held-out.json minilm-toxicity \
  --data "$work/minilm-toxicity-held-out.jsonl" --text text --label label --positive toxic --negative civil \
  --group source --group group --cluster cluster --construct toxicity --language en \
  --licence 'CDLA-Permissive-2.0, CC0 1.0, CC BY 4.0, Apache-2.0 (packaging CC BY-SA 4.0)' \
  --source 'Held-out texts of the scorer, from ToxiGen, ParaDetox, HatemojiBuild, Toxic Spans, RealToxicityPrompts, identity templates and our own'

for kind in "hate:HateCheck" "toxicity:HateCheck rated for toxicity"; do
  IFS=: read -r head name <<< "$kind"
  calibrate "hate-hatecheck-minilm-$head.json" "minilm-toxicity:$head" \
    --data "$data/hatecheck/test_suite_cases.csv" --text test_case --label label_gold \
    --positive hateful --negative non-hateful --group target_ident --group functionality --cluster templ_id \
    --construct hate --language en --licence 'CC BY 4.0' \
    --source "$name, Röttger et al. 2021, paul-rottger/hatecheck-data @ d84302298cee"
done
