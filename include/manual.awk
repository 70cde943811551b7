# Writes a manual page for each function of bridgeq.h, and bridgeq(3) with what holds for all of them.
#
#   awk -v out=DIRECTORY -v version=VERSION -f include/manual.awk include/bridgeq.h
#
# A page is the comment before the function: its first sentence is the name line, what begins with "Returns" the
# section on the return value. `make manual` and `make install` run this.

function in_bold(word) { return "\\fB" word "\\fP" }

# Text as troff wants it; with names of functions, constants and arguments set off.
function troff(text,    result, word) {
  sub(/at the top\)/, "in bridgeq(3))", text)
  gsub(/\\/, "\\e", text)
  gsub(/-/, "\\-", text)
  result = ""
  while (match(text, /`[^`]+`|bq_[a-z_]+\(\)|BQ_[A-Z_]+/)) {
    word = substr(text, RSTART, RLENGTH)
    result = result substr(text, 1, RSTART - 1)
    if (word ~ /^`/) result = result "\\fI" substr(word, 2, length(word) - 2) "\\fP"
    else if (word ~ /\(\)$/) result = result in_bold(substr(word, 1, length(word) - 2)) "(3)"
    else result = result in_bold(word)
    text = substr(text, RSTART + RLENGTH)
  }
  result = result text
  return result ~ /^[.']/ ? "\\&" result : result
}

function first_sentence(text,    at) {
  at = match(text, /[.:;]( |$)/)
  if (at) text = substr(text, 1, at - 1)
  return tolower(substr(text, 1, 1)) substr(text, 2)
}

function begin_page(page, name, purpose) {
  file = out "/" page ".3"
  printf ".TH %s 3 \"\" \"bridgeq %s\" \"bridgeq manual\"\n", toupper(page), version >file
  printf ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.nf\n.B #include <bridgeq.h>\n", name, purpose >file
}

# Paragraphs of a comment; items that begin with "- " or a number become a list.
function write_paragraphs(comment,    i, count, line, lines, ended) {
  count = split(comment, lines, "\n")
  for (i = 1; i <= count; i++) {
    line = lines[i]
    sub(/^ +/, "", line)
    if (line == "") {
      ended = 1
      continue
    }
    if (line ~ /^Returns /) print ".SH RETURN VALUE" >file
    else if (match(line, /^(-|[0-9]+\.) /)) {
      printf ".IP %s 4\n", line ~ /^-/ ? "\\(bu" : substr(line, 1, RLENGTH - 1) >file
      line = substr(line, RLENGTH + 1)
    } else if (ended) print ".PP" >file
    ended = 0
    print troff(line) >file
  }
}

# One line, or a line for each argument where that gets too long.
function in_synopsis(declaration) {
  if (length(declaration) > 76) {
    sub(/\(/, "(\n    ", declaration)
    gsub(/, /, ",\n    ", declaration)
  }
  gsub(/\n/, "\\fP\n\\fB", declaration)
  return in_bold(declaration)
}

function write_function(declaration, comment,    name, flat) {
  sub(/^BQ_API */, "", declaration)
  gsub(/ +/, " ", declaration)
  match(declaration, /bq_[a-z_]+\(/)
  name = substr(declaration, RSTART, RLENGTH - 1)
  functions[++function_count] = name
  flat = comment
  gsub(/\n/, " ", flat)
  begin_page(name, name, troff(first_sentence(flat)))
  printf ".PP\n%s\n.fi\n.SH DESCRIPTION\n", in_synopsis(declaration) >file
  write_paragraphs(comment)
  printf ".SH SEE ALSO\n\\fBbridgeq\\fP(3)\n" >file
  close(file)
}

# A number that has a name, kept for bridgeq(3).
function add_constant(name, value, comment) {
  gsub(/[()]/, "", value)
  constants = constants ".TP\n" in_bold(name) " (" troff(value) ")\n" flowing(comment) "\n"
}

# A struct and its fields, kept for bridgeq(3).
function begin_struct(comment) {
  printf ".so man3/bridgeq.3\n" >(out "/" $3 ".3")
  close(out "/" $3 ".3")
  structs = structs ".SS " in_bold($3) "\n" flowing(comment) "\n"
}

function add_field(comment, declaration) {
  sub(/^ +/, "", declaration)
  structs = structs ".TP\n" in_bold(declaration) "\n" flowing(comment) "\n"
}

function flowing(comment,    i, count, lines, result) {
  count = split(comment, lines, "\n")
  for (i = 1; i <= count; i++)
    if (lines[i] != "") result = result (result == "" ? "" : "\n") troff(lines[i])
  return result
}

function write_overview(    i) {
  begin_page("bridgeq", "bridgeq", "the queue between threads and event loops")
  print ".PP\n.B cc app.c $(pkg\\-config \\-\\-cflags \\-\\-libs bridgeq)\n.fi\n.SH DESCRIPTION" >file
  sub(/^[^\n]*\n\n/, "", everywhere) # the title
  sub(/\n\nMade from .*/, "", everywhere)
  write_paragraphs(everywhere)
  print ".SH POLLERS" >file
  write_paragraphs(poller)
  printf ".SH CONSTANTS\n%s", constants >file
  printf ".SH STRUCTS\n%s.SH CALLBACKS\n%s.SH FUNCTIONS\n.nf\n", structs, callbacks >file
  for (i = 1; i <= function_count; i++) printf "\\fB%s\\fP(3)\n", functions[i] >file
  print ".fi" >file
  close(file)
}

/^ *\/\*\*?$/ { reading = 1; comment = ""; next }
reading && /^ *\*\/$/ {
  reading = 0
  if (!everywhere) everywhere = comment
  next
}
reading { sub(/^ *\* ?/, ""); comment = comment (comment == "" ? "" : "\n") $0; next }
/^#define BQ_[A-Z_]+ [-0-9()]+$/ && comment != "" { add_constant($2, $3, comment) }
/^#define/ { comment = "" }
/^typedef struct bq_poller bq_poller;/ { poller = comment }
/^typedef struct bq_[a-z_]+ \{/ { begin_struct(comment); fields = 1; next }
/^}/ { fields = 0 }
fields && /;$/ { add_field(comment, $0) }
/^typedef .*\(\*bq_[a-z_]+_fn\)/ { callbacks = callbacks ".TP\n" in_bold($0) "\n" flowing(comment) "\n" }
/^BQ_API/ { declaring = 1; declaration = "" }
declaring {
  sub(/^ +/, "")
  declaration = declaration (declaration == "" ? "" : " ") $0
  if (/;$/) { declaring = 0; write_function(declaration, comment) }
}
END { write_overview() }
