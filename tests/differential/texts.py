"""Random texts of the small languages that built-ins read: header literals, date patterns, regular expressions, JSON."""
import json


class Texts:
    """Draws from one random.Random."""

    def __init__(self, random):
        self.random = random

    def chance(self, share):
        return self.random.random() < share

    def pick(self, *choices):
        return self.random.choice(choices)

    def mutated(self, text, alphabet):
        """One to three letters gone, doubled, swapped or put in."""
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(text) + 1)
            kind = self.random.randrange(4)
            if kind == 0:
                text = text[:at] + text[at + 1:]
            elif kind == 1:
                text = text[:at] + self.random.choice(alphabet) + text[at:]
            elif kind == 2:
                text = text[:at] + text[at:at + 3] * 2 + text[at + 3:]
            else:
                text = text[:at] + text[at + 1:at + 2] + text[at:at + 1] + text[at + 2:]
        return text

    # Numbers ------------------------------------------------------------------------------------------------

    def digits(self, most=6):
        return "".join(self.random.choice("0123456789") for _ in range(self.random.randrange(1, most + 1)))

    def number(self):
        whole = self.pick("0", "1", "-0", "127", "128", "-129", "32768", "2147483648", "9223372036854775807",
                          "9223372036854775808", "1e19", "10000000000000000001", "0.1", "-1.5", "1.0", "1e3", "1e-3", "3.5e38",
                          "1e400", "1e-400", "5e-324", "12345678901234567890.5", "+3", "007", "1.", ".5", "-.5", "1e+2", "1E2")
        if self.chance(0.5):
            return whole
        text = self.pick("", "", "-", "+") + self.digits(self.pick(2, 6, 20))
        if self.chance(0.5):
            text += "." + self.digits(self.pick(1, 4, 20))
        if self.chance(0.3):
            text += self.pick("e", "E") + self.pick("", "-", "+") + self.digits(self.pick(1, 2, 3))
        return text

    # Header literals (SimpleHeaderConverter, InsertHeader) ------------------------------------------------------

    def header(self, depth=3):
        text = self.header_part(depth)
        if self.chance(0.25):
            text = self.mutated(text, "[]{},:\"\\ 0a-")
        return text

    def header_part(self, depth):
        kind = self.random.randrange(14)
        if kind < 4:
            return self.number()
        if kind < 6 and depth > 0:
            items = [self.blank() + self.header_part(depth - 1) + self.blank() for _ in range(self.random.randrange(0, 4))]
            return "[" + ",".join(items) + self.pick("]", "]", "]", ",]", "")
        if kind < 8 and depth > 0:
            items = [self.blank() + self.header_part(self.pick(0, 0, 0, depth - 1)) + self.blank() + ":" + self.blank() +
                     self.header_part(depth - 1) for _ in range(self.random.randrange(0, 4))]
            return "{" + ",".join(items) + self.pick("}", "}", "}", ",}", "")
        if kind < 10:
            return "\"" + self.pick("", " ", "a", "a b", "\\\"", "\\\\", "a\\\"b", "2019-08-23", ",", "[1]", "é😀", ":", "1") + "\""
        if kind == 10:
            return self.date()
        return self.pick("true", "false", "null", "True", "", " ", "abc", "a b", "NaN", "a\\,b", "-", "+", "e5", "0x10", "1f", "12:30",
                         "\\", "é", "nulls", "truely", "1 2", "--1")

    def date(self):
        text = self.pick("2019-08-23", "2019-02-30", "0001-01-01", "1970-01-01", "9999-12-31", "2019-8-23 ", "14:34:54.346Z",
                         "00:00:00.000Z", "25:61:61.999Z", "2019-08-23T14:34:54.346Z", "1969-12-31T23:59:59.999Z",
                         "2019-08-23T14\\:34\\:54.346Z", "14\\:34\\:54.346Z", "1582-10-10", "0000-01-01")
        return self.mutated(text, "0123456789-:TZ. ") if self.chance(0.2) else text

    def blank(self):
        return self.pick("", "", "", " ", "  ", "\t", "\n")

    # Date patterns, and texts for them --------------------------------------------------------------------------

    COMMON = ["yyyy-MM-dd", "yyyyMMdd", "yyyy-MM-dd'T'HH:mm:ss.SSS'Z'", "yyyy-MM-dd HH:mm:ss", "MM/dd/yyyy", "HH:mm:ss", "yyyy",
              "yyyy-MM-dd'T'HH:mm:ssZ", "yyyy-MM-dd'T'HH:mm:ssXXX", "EEE, dd MMM yyyy HH:mm:ss Z", "dd MMMM yyyy", "hh:mm a",
              "yyyyMMddHHmmssSSS", "YYYY-'W'ww-u", "D/yyyy", "G yyyy", "yy-M-d", "k:m:s.S", "K a", "yyyy-MM-dd HH:mm:ss z"]

    def pattern(self):
        if self.chance(0.6):
            return self.pick(*self.COMMON)
        parts = []
        for _ in range(self.random.randrange(1, 6)):
            parts.append(self.random.choice("GyYMLwWDdFEuaHkKhmsSzZX") * self.pick(1, 1, 2, 2, 3, 4, 5))
            parts.append(self.pick("", "-", "/", " ", ":", ".", "'T'", "''", "'o''clock'"))
        text = "".join(parts)
        return self.mutated(text, "yMd'QbX-é") if self.chance(0.08) else text

    TEXT_OF = {"G": ["AD", "BC", "ad"], "a": ["AM", "PM", "pm"], "E": ["Tue", "Tuesday", "mon", "XYZ"], "z": ["UTC", "GMT", "GMT+01:00", "GMT-3", "+0100", "EST", "CET", "PST", "Z", "utc", "Pacific Standard Time", "JST"],
               "Z": ["+0000", "-0130", "+1234"], "X": ["Z", "+01", "-0230", "+02:30"]}
    NUMBER_OF = {"y": [2023, 23, 1, 1582, 9999, 12023, 0], "Y": [2023, 23], "d": [1, 14, 31, 0, 40], "H": [0, 22, 25], "m": [0, 13, 75],
                 "s": [0, 20, 61], "S": [0, 123, 5, 123456], "D": [1, 318, 400], "u": [1, 7], "F": [1, 3], "w": [1, 46], "W": [1, 5],
                 "k": [1, 24], "K": [0, 11], "h": [1, 12]}

    def dated(self, pattern):
        """A text that fits the pattern, roughly."""
        out, at, quoted = [], 0, False
        while at < len(pattern):
            letter = pattern[at]
            end = at
            while end < len(pattern) and pattern[end] == letter:
                end += 1
            count = end - at
            at = end
            if letter == "'":
                out.append("'" * (count // 2))
                quoted ^= count % 2 == 1
            elif quoted or not letter.isascii() or not letter.isalpha():
                out.append(letter * count)
            else:
                out.append(self.field(letter, count))
        text = "".join(out)
        return self.mutated(text, "0123456789-: TZ+a") if self.chance(0.15) else text

    def field(self, letter, count):
        if letter in "ML":
            return self.pick("Nov", "November", "may", "Sept") if count > 2 else str(self.pick(1, 11, 12, 13)).zfill(count)
        if letter in self.TEXT_OF:
            return self.random.choice(self.TEXT_OF[letter])
        number = self.random.choice(self.NUMBER_OF.get(letter, [7]))
        return str(number).zfill(count) if self.chance(0.85) else str(number)

    # Regular expressions --------------------------------------------------------------------------------------------

    def regex(self, depth=3):
        text = self.alternatives(depth)
        if self.chance(0.1):
            text = self.pick("(?i)", "(?s)", "(?x)", "(?m)", "(?u)", "(?d)", "^", "\\A") + text
        if self.chance(0.1):
            text += self.pick("$", "\\z", "\\Z", ".*")
        return self.mutated(text, "()[]{}|*+?^$.\\a0-") if self.chance(0.08) else text

    def alternatives(self, depth):
        return "|".join(self.sequence(depth) for _ in range(self.pick(1, 1, 1, 2, 3)))

    def sequence(self, depth):
        return "".join(self.atom(depth) + self.quantifier() for _ in range(self.pick(0, 1, 2, 2, 3, 4)))

    def quantifier(self):
        if self.chance(0.55):
            return ""
        return self.pick("*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}") + self.pick("", "", "?", "+")

    def atom(self, depth):
        kind = self.random.randrange(16)
        if kind < 4:
            return self.pick("a", "b", "c", "orders", "t", "x", "-", "_", "1", "ó", "abc")
        if kind < 8:
            return self.pick(".", ".", "\\w", "\\d", "\\.", "\\S", "\\W", "\\D", "\\s", "[a-c]", "[^a]", "[a-z&&[^b]]", "[a-c[x-z]]",
                             "\\p{Lower}", "\\p{L}", "\\P{Digit}", "\\p{IsAlphabetic}", "\\x61", "\\u0061", "\\0141", "[\\w.-]", "[-a]",
                             "[a\\-c]", "[.\\]]", "\\p{Punct}", "[[:alpha:]]", "\\Qa.b\\E", "[^\\d&&\\w]", "\\h", "\\R", "[a-z&&b-d&&c]",
                             "\\$", "\\{", "}", "]", "\\p{Lu}", "\\p{IsGreek}", "\\p{InGreek}", "\\p{javaLowerCase}", "\\p{script=Latin}", "\\X", "\\v",
                             "\\N{DIGIT ONE}", "\\p{L1}", "\\p{ASCII}", "\\pL", "\\p{Sc}", "\\cA", "\\e", "\\x{61}", "[^\\p{L}]", "[\\p{L}&&[^a]]", "\\p{gc=Lu}")
        if kind < 12 and depth > 0:
            return self.pick("(", "(", "(", "(?:", "(?<n>", "(?=", "(?!", "(?>", "(?i:", "(?:", "(?:", "(", "(", "(?<=a", "(?<!b|") + self.alternatives(depth - 1) + ")"
        if kind == 12:
            return self.pick("\\1", "\\2", "\\k<n>", "\\b", "\\B", "^", "$", "\\G", "\\11")
        return self.pick("a", "[abc]", ".", "\\w", "[a-z]")

    def regex_for(self, topic):
        """One that matches the topic, mostly."""
        out, at, groups = [], 0, 0
        while at < len(topic):
            size = self.pick(1, 1, 1, 2, 3)
            part, at = topic[at:at + size], at + size
            text = "".join(self.letter_for(letter) for letter in part)
            kind = self.random.randrange(12)
            if kind < 3:
                groups += 1
                text = "(" + text + self.pick("", "", "|x", "|" + part[:1]) + ")"
            elif kind == 3:
                text = "(?:" + self.pick("x|", "", "a|b|") + text + ")"
            elif kind == 4:
                text += self.pick(".*", ".*?", ".?", "x*", "(?=.*)", "(?!zz)", "\\b?", "(?:)", "[^z]*", ".*+")
            elif kind == 5 and groups > 0:
                text += self.pick("\\1?", "\\1*", "(?:\\1)?")
            elif kind == 6:
                text = "(?<n" + str(at) + ">" + text + ")"
                groups += 1
            out.append(text)
        text = self.pick("", "", "", "^", "(?i)", "\\A", "(?s)", "(?x)") + "".join(out) + self.pick("", "", "", "$", "\\z", ".*", "x?")
        return self.mutated(text, "()[]|*+?^.\\a") if self.chance(0.05) else text

    def letter_for(self, letter):
        literal = letter if letter.isalnum() else "\\" + letter
        wider = ["\\w", "[a-z]", "[" + literal + "]", letter + "?" + "." if letter.isalnum() else ".", "\\p{L}", "[^\\s]", "[\\w.-]", "[a-z&&[^q]]",
                 literal + "+", literal + "{1,2}", "\\Q" + letter + "\\E", "\\S", "[^,]", "\\p{Lower}", "\\x{%x}" % ord(letter), "\\u%04x" % ord(letter)]
        return literal if self.chance(0.5) else "." if self.chance(0.3) else self.random.choice(wider)

    def topic(self):
        if self.chance(0.5):
            return self.pick("orders", "abc", "a.b-c_1", "abcabc", "t", "a", "", "aaa", "x1", "tópic", "db.orders.v1")
        return "".join(self.random.choice("aabbccx1._-{}]") for _ in range(self.random.randrange(0, 10)))

    def replacement(self):
        return "".join(self.pick("$1", "$0", "$2", "$10", "${n}", "x", "-", ".", "\\$", "\\\\", "é", "$1", "new")
                       for _ in range(self.random.randrange(0, 4))) + self.pick("", "", "", "", "", "", "$", "\\", "${", "${1}", "$x")

    # JSON ---------------------------------------------------------------------------------------------------------------

    def json(self, value):
        """`value` as JSON, now and then with something about it that is odd or wrong."""
        text = json.dumps(value, ensure_ascii=self.chance(0.5))
        if self.chance(0.04):
            odd = self.pick("NaN", "-007", "00", "1e999999", "1e-999999", "0x1", ".5", "1.", "+1", "Infinity", "1" * 1000, "1" * 1001, "-" + "9" * 999,
                            "0." + "1" * 998, "0." + "1" * 999, "[" * 990 + "]" * 990, "[" * 1001 + "]" * 1001, "/* x */ 1", "'a'", "\"\\ud83d\"",
                            "\"\\ude00\\ud83d\"", "\"\\x\"", "\"\t\"", "{\"a\":1,\"a\":2}", "1e5", "12345678901234567890.0", "1E+2", "[1,]", "tru",
                            "{\"a\" 1}", "", "1 2", "\"a", "-", "-0", "-0.0", "0e0", "1e400", "9223372036854775808")
            text = odd if self.chance(0.4) else text.replace("1", odd, 1)
        return self.mutated(text, "{}[]\",:0.e-tnf\\ u'") if self.chance(0.15) else text

    def json_string(self):
        return self.pick("", "a", "é", "😀", "\"", "\\", "\u2028", "\x7f", "\x01\n", "1", "true", "AQI=", "AQ==", "A", "null", "a b")

    def json_scalar(self):
        kind = self.random.randrange(8)
        if kind < 3:
            return self.pick(0, 1, -1, 127, 128, 300, 32768, 2**31, 2**63 - 1, 2**63, -2**63 - 1, 10**30, 86400000, 1700000000123, 19675)
        if kind == 3:
            return self.pick(0.5, -0.0, 1e10, 1.0, 1e400, 5e-324, 0.1, 1e-400, 123456789.123, 1e20, 3.4e38)
        if kind < 6:
            return self.json_string()
        return self.pick(True, False, None)

    def json_value(self, depth=3):
        kind = self.random.randrange(5)
        if kind == 0 and depth > 0:
            return [self.json_value(depth - 1) for _ in range(self.random.randrange(0, 4))]
        if kind == 1 and depth > 0:
            return {self.pick("a", "b", "c", "", "é", "x.y", "😀"): self.json_value(depth - 1) for _ in range(self.random.randrange(0, 4))}
        return self.json_scalar()
