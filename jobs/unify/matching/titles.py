"""Titles around a name, nicknames made of a family name, and placeholders for a name."""

from __future__ import annotations

import re
from typing import NamedTuple

# Surnames of two characters; a name that begins otherwise has a surname of one.
COMPOUND = frozenset(
    re.findall(
        "..",
        "欧阳太史上官端木司马东方独孤南宫夏侯诸葛尉迟皇甫宇文长孙慕容司徒司空轩辕令狐公孙鲜于申屠"
        "赫连澹台呼延濮阳淳于钟离拓跋万俟西门东郭闾丘亓官",
    )
) | {"남궁", "황보", "제갈", "사공", "선우", "서문", "독고"}
# The surnames that are frequent enough to be one beside a short title: 王总, 小王.
FREQUENT = frozenset(
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚"
    "谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文庞樊兰殷施陶洪翟安颜倪严牛温芦季俞章鲁葛伍韦申尤毕聂丛焦"
    "向柳邢骆岳齐尚梅莫庄辛管祝左涂谷祁时舒耿牟卜詹关苗凌费纪靳盛童欧甄项曲成游阳裴席卫查屈鲍位覃霍翁隋植甘景薄单包司柏宁柯阮桂闵解柴"
    "车冉房边辜吉饶刁瞿戚丘古米池滕晋苑邬臧畅宫苟全褚廉简娄盖符奚木穆党燕郎邸冀谈姬屠连郜晏栾郁商蒙计喻揭窦迟宇敖糜鄢冷卓花仇艾蓝都"
    "巩稽井练仲乐虞卞封竺冼原官衣楚佟栗匡宗应台巫鞠僧桑荆谌银扬沙薄伏岑习胥保和蔺闫肖付邝湛晁麦"
    "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민진지엄채원천방공"
)
_HERS = "女士|小姐|太太|夫人|阿姨|大姐|二姐|大妈|大娘|大婶|奶奶|姑娘|美女|老板娘|妈妈"
_HIS = "先生|叔叔|大哥|二哥|大叔|大爷|爷爷|伯伯|帅哥|爸爸"
_ANYBODYS = (
    "老师|同学|会员|顾客|客户|客人|买家|总经理|副总|经理|师傅|老板|医生|大夫|护士|教授|博士|主任|总监|工程师|董事长|局长|处长|科长|院长|"
    "校长|店长|厂长|部长|组长|队长|班长|书记|秘书|会计|律师|助理|警官|教练|导购|同志|様|さん|님|씨"
)
# These end given names too: they are titles only after a family name.
_HER_SHORT, _HIS_SHORT = "姐|姨|嫂|婶|太|여사", "哥|叔|伯|爷"
_SHORT = "总|工|董|老|사장|선생|고객|회원|과장|부장|대리|대표|기사"
_NOTE = r"(?:\s*(?:[(\[【][^)\]】]*[)\]】]|\d+))?\s*$"
_TITLE = re.compile(rf"\s*(?:(?P<f>{_HERS})|(?P<m>{_HIS})|{_ANYBODYS}){_NOTE}")
_SHORT_TITLE = re.compile(rf"\s*(?:(?P<f>{_HER_SHORT})|(?P<m>{_HIS_SHORT})|{_SHORT}){_NOTE}")
_LATIN_HERS, _LATIN_HIS = "mrs|ms|miss|madam|mme|mlle|frau", "mr|sir|mister|monsieur|herr"
_LATIN = re.compile(rf"^(?:(?P<f>{_LATIN_HERS})|(?P<m>{_LATIN_HIS})|mx|dr|prof)(?:\.\s*|\s+|$)")
_LATIN_LAST = re.compile(r"[,\s]\s*(?:(?P<f>mrs|ms|miss)|(?P<m>mr)|mx|dr)\.?$")
_ROLE = re.compile(r"^(?:客户|顾客|会员|用户|买家|收件人|收货人|联系人|姓名|vip)[:\s]*(?=.)")
_NICKNAME = re.compile(r"^[小老阿](.{1,2})$")

# Placeholders for a missing name. As one word of a name they are names: Na Kim, Christopher Null.
_NO_NAME = frozenset({
    "none", "null", "nil", "nan", "na", "unknown", "undefined", "test", "tester", "testuser", "anonymous", "guest",
    "noname", "customer", "client", "member", "user", "visitor", "walkin", "cashier", "staff", "admin", "administrator",
    "cashcustomer", "vip", "xx", "xxx", "xxxx",
    "无", "没有", "未知", "匿名", "不详", "测试", "测试员", "无名", "无名氏", "佚名", "保密", "隐私", "暂无", "待定",
    "本人",
    "自己", "收件人", "收货人", "联系人", "姓名", "名字", "昵称", "收银", "收银员", "店员", "店长", "导购员", "客服",
    "前台",
    "员工", "管理员", "快递员", "业务员", "테스트", "고객", "회원", "손님", "ゲスト", "テスト", "名無し",
})  # fmt: skip
# 微信用户, 淘宝会员, 散客: names of platforms or kinds, and a word for customer.
_SOMEBODY = re.compile(
    "(?:淘宝|天猫|京东|抖音|快手|微信|支付宝|美团|饿了么|拼多多|小红书|微博|线上|线下|门店|商城|平台|匿名|神秘|普通|临时|默认|测试|新|老|散|vip|qq)*"
    "(?:用户|会员|买家|客户|顾客|客人|游客|网友|粉丝|访客|散客|散户|客)"
    "|某+人?"
)


class Titled(NamedTuple):
    """A name without titles, whether it had any, and the sex that they imply: f, m or nothing."""

    without_title: str
    titled: bool
    sex: str


def is_surname(text: str) -> bool:
    """Whether a text is a frequent Chinese or Korean surname and nothing else."""
    return text in FREQUENT or text in COMPOUND


def untitled(text: str) -> Titled:
    """Remove titles, roles and the 小 of 小王 from a name in its canonical form."""
    bare, sex = text.strip(), ""
    while title := _title_of(bare):
        rest = f"{bare[: title.start()]}{bare[title.end() :]}".strip()
        groups = title.groupdict()
        sex = sex or ("f" if groups.get("f") else "m" if groups.get("m") else "")
        if not rest:
            return Titled("", True, sex)
        bare = rest
    nickname = _NICKNAME.match(bare)
    bare = nickname[1] if nickname and is_surname(nickname[1]) else bare
    return Titled(bare, bare != text.strip(), sex)


def _title_of(bare: str) -> re.Match[str] | None:
    """The title of a name, or a prefix that only says customer."""
    title = _LATIN.search(bare) or _LATIN_LAST.search(bare) or _TITLE.search(bare)
    short = None if title else _SHORT_TITLE.search(bare)
    if short:
        rest = bare[: short.start()]
        nickname = _NICKNAME.match(rest)
        title = short if is_surname(rest) or (nickname and is_surname(nickname[1])) else None
    return title or _ROLE.search(bare)


def is_placeholder(text: str) -> bool:
    """Whether words are a placeholder for a name: all of them, with or without a number, never one among others."""
    joined = text.replace(" ", "").rstrip("0123456789")
    every = all(word in _NO_NAME or word.isdigit() for word in text.split())
    return every or joined in _NO_NAME or bool(_SOMEBODY.fullmatch(joined))
