class PatternError(ValueError): ...

class Matcher:
    method: str
    want: int
    fold: bool
    size: int
    def add(self, word: str) -> None: ...
    def add_words(self, words: list[str]) -> None: ...

METHODS: dict[str, type[Matcher]]
BY_TYPE: dict[str, str]

def matcher(method: str, fold: bool = ...) -> Matcher: ...
