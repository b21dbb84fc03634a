"""Actions of rules, one file per family. Each registers parsers: parse(words, i, scope, rules) -> (Action, next index).

words[i - 1] is the action's own word; `rules` is the rule set's name ("http-request", "tcp-request content", ...).
"""
