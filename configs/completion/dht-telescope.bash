# SPDX-License-Identifier: MIT
# bash completion: commands and options as the program itself lists them, so that it
# never says what the option tables do not.
_dht_telescope() {
	local cur=${COMP_WORDS[COMP_CWORD]} prog=${COMP_WORDS[0]} words
	if [ "$COMP_CWORD" = 1 ]; then
		words=$("$prog" --help 2>/dev/null | sed -n 's/^  \([a-z]\{2,\}\)  .*/\1/p')
	elif [[ $cur == -* ]]; then
		words=$("$prog" "${COMP_WORDS[1]}" --help 2>/dev/null |
			grep -oE -- '(^|[ ,])--[a-z0-9-]+(\[?=)?' | tr -d ' ,[')
	else
		# verbs of a command, as its help lists them, and files
		[ "$COMP_CWORD" = 2 ] && words=$("$prog" "${COMP_WORDS[1]}" --help 2>/dev/null |
			sed -n 's/^  \([a-z]\{3,\}\) .*/\1/p')
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur"; compgen -f -- "$cur")
		return
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o filenames -F _dht_telescope dht-telescope
