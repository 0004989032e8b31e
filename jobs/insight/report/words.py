"""The words of a report in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping

# By key: English, Chinese.
WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("Audience {name}", "人群 {name}"),
    "as_of": ("as of {day}", "截至 {day}"),
    "owner": ("Owner", "负责人"),
    "goal": ("Goal", "业务目标"),
    "about": ("About", "对象"),
    "rule": ("Rule", "规则"),
    "purpose": ("Consent needed for", "所需授权用途"),
    "holdout": ("Holdout", "对照组"),
    "no_holdout": ("none: its effect cannot be measured", "无：无法衡量增量效果"),
    "sent_to": ("Sent to", "投放平台"),
    "nowhere": ("no platform", "未投放"),
    "warnings": ("Warnings", "预警"),
    "no_warnings": ("None today.", "今日无预警。"),
    "young": (
        "Whether its profile drifts is not warned of before {day}: it is described for less than four weeks.",
        "画像漂移从 {day} 起才预警：该人群的画像记录不足四周。",
    ),
    "size": ("Members", "人数"),
    "share_of_all": ("of all {entities:,}", "占全部 {entities:,} 的"),
    "entered": ("Entered on the day", "当日进入"),
    "exited": ("Left on the day", "当日退出"),
    "held_out": ("In the holdout", "对照组人数"),
    "trend": ("Size by day", "规模趋势"),
    "one_day": (
        "Only one day was recorded so far; the curve begins with the next one.",
        "目前只记录了一天，从下一天起显示趋势。",
    ),
    "profile": ("What its members are like", "人群画像（TGI）"),
    "how_profile": (
        "The index (TGI) is 100 times the share among the members over the share among all {entities:,}: 200 means "
        "twice as frequent. Only differences that chance hardly explains are listed (exact test, corrected for the "
        "number of comparisons, q below 5 %), without what the rule itself says.",
        "TGI = 人群中的占比 ÷ 全部 {entities:,} 中的占比 × 100。200 表示是整体的两倍。只列出统计显著的差异"
        "（精确检验，按比较次数校正，q < 5 %），并剔除了规则本身决定的标签。",
    ),
    "over": ("More frequent than among all", "显著偏高"),
    "under": ("Less frequent than among all", "显著偏低"),
    "of_numbers": ("Measures and scores, by fifths", "指标与评分（按五分位）"),
    "of_rule": ("What follows from the rule itself", "由规则本身决定的特征"),
    "nothing": ("Nothing differs by more than chance.", "没有超出随机波动的差异。"),
    "tag": ("Tag or measure", "标签 / 指标"),
    "value": ("Value", "取值"),
    "of_members": ("Members", "本人群"),
    "of_all": ("All", "整体"),
    "index": ("TGI", "TGI"),
    "overlap": ("Overlap with other audiences", "人群重叠"),
    "how_overlap": (
        "Each field: the share of the row's members who are in the column's audience too.",
        "每格表示：行人群的成员中，同时属于列人群的比例。",
    ),
    "no_overlap": ("It shares no member with another audience.", "与其他人群没有重叠。"),
    "reach": ("Who can be reached", "可触达人数"),
    "how_reach": (
        "What the consent gate answers at the end of the day. Whatever is sent asks it again.",
        "按当日授权闸口的判定统计；实际发送前会再次判定。",
    ),
    "channel": ("Purpose and channel", "用途与渠道"),
    "reachable": ("can be reached", "可触达"),
    "consent": ("no consent", "无授权"),
    "address": ("no address", "无联系方式"),
    "barred": ("address suppressed", "号码被屏蔽"),
    "worth": ("Value and risk", "价值与风险"),
    "sum": ("Sum", "合计"),
    "mean": ("Mean", "人均"),
    "mean_of_all": ("Mean of all", "整体人均"),
    "at_risk": ("Share in this state", "处于该状态的占比"),
    "places": ("Stores and cities", "门店与城市"),
    "lift": ("What it brings: members against the holdout", "增量效果：成员与对照组对比"),
    "no_lift": (
        "Nothing is measured: no programme has a holdout, or no day was run since it has one.",
        "暂无结果：没有设置对照组，或设置后尚未运行。",
    ),
    "how_lift": (
        "Purchases in the {days} days after entry of all who entered, reached or not, against the holdout of the same "
        "audience (intent to treat). The interval holds the true difference with 95 %.",
        "统计进入人群后 {days} 天内的购买，凡进入者无论是否触达都计入，与同一人群的对照组比较（意向性分析）。"
        "区间以 95 % 的置信度包含真实差异。",
    ),
    "outcome_conversion": ("Share who bought", "购买转化率"),
    "outcome_spend": ("Spent per customer", "人均消费"),
    "kind_audience": ("audience", "人群"),
    "kind_journey": ("journey", "旅程"),
    "kind_export": ("export", "投放"),
    "kind_everything": ("all that is sent", "全部触达"),
    "programme": ("Programme and outcome", "项目与结果"),
    "treated": ("Members", "成员"),
    "control": ("Holdout", "对照组"),
    "difference": ("Difference [95 %]", "差异 [95 %]"),
    "verdict": ("What can be said", "结论"),
    "verdict_more": ("it brings more", "有正向增量"),
    "verdict_less": ("it brings less", "增量为负"),
    "verdict_no difference shown": (
        "no difference shown; one from {detectable} on would show",
        "未显示差异；达到 {detectable} 以上才能检出",
    ),
    "verdict_not yet measurable": (
        "not yet measurable: {assigned:,} members and {held_out:,} in the holdout whose {days} days are over",
        "尚无法衡量：观察期（{days} 天）已满的成员 {assigned:,} 人、对照组 {held_out:,} 人，样本太小",
    ),
    "verdict_split is wrong": (
        "not to be trusted: the holdout is not the declared share (p {split:.2g})",
        "不可信：对照组比例与设定不符（p {split:.2g}）",
    ),
    "purpose_ads": ("advertising platforms", "广告投放"),
    "purpose_messages": ("messages", "消息触达"),
    "purpose_analytics": ("analysis only", "仅分析"),
    "channel_email": ("e-mail", "邮件"),
    "channel_sms": ("text message", "短信"),
    "channel_phone": ("phone call", "电话"),
    "channel_wecom": ("WeCom", "企业微信"),
    "channel_mini_program": ("mini program", "小程序"),
    "channel_app_push": ("app push", "App 推送"),
    "channel_any": ("", ""),
    "true": ("yes", "是"),
    "others": ("others", "其他"),
    "unknown": ("unknown", "未知"),
    "entity_customer": ("customers", "顾客"),
    "entity_outlet": ("outlets", "终端网点"),
    "entity_store": ("stores", "门店"),
    "entity_product": ("products", "商品"),
    "entity_style": ("styles", "款式"),
    "entity_staff": ("staff", "导购"),
    "goal_new_product": ("new product", "新品上市"),
    "goal_clearance": ("clearance", "清仓"),
    "goal_activate": ("activation", "激活"),
    "goal_churn_warning": ("churn warning", "流失预警"),
    "goal_repurchase": ("repurchase", "复购"),
    "goal_upsell": ("upsell", "交叉与升级销售"),
    "goal_care": ("care", "关怀"),
}
LANGUAGES = ("en", "zh")


class ReportWords:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._place = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """The words of a key, or the key itself for a value that has none."""
        texts = WORDS.get(key)
        # A value of a conf folder's own is shown as it is.
        return texts[self._place].format(**values) if texts else key.partition("_")[2].replace("_", " ") or key
