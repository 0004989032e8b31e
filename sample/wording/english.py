"""English phrases for the few who write it: for each topic its name, praise, blame and questions."""

ENGLISH = {
    "quality": ("The quality|Build quality|The stitching", "solid|excellent|great", "poor|cheap|terrible"),
    "size": ("The size|The fit|Sizing", "perfect|true to size|spot on", "way off|too tight|confusing"),
    "logistics": ("Delivery|Shipping|The courier", "fast|on time|super quick", "slow|late|a nightmare"),
    "price": ("The price|Value for money|The discount", "fair|great|unbeatable", "too high|a rip-off|misleading"),
    "service": ("Customer service|The staff|Support", "friendly|helpful|patient", "rude|useless|unresponsive"),
    "packaging": ("The packaging|The box|Wrapping", "neat|lovely|sturdy", "torn|flimsy|dirty"),
    "colour": (
        "The colour|The shade|The color",
        "gorgeous|true to the photo|lovely",
        "dull|faded|nothing like the photo",
    ),
    "material": ("The fabric|The material|The cotton", "soft|cosy|breathable", "itchy|thin|scratchy"),
    "store": ("The store|The shop|The fitting room", "tidy|spacious|well lit", "crowded|messy|hard to find"),
    "refund": ("The refund|Returning it|The exchange", "easy|quick|painless", "slow|a hassle|still pending"),
    "gift": (
        "As a gift it|The gift box|My mum's present",
        "a hit|adorable|perfect",
        "embarrassing|disappointing|incomplete",
    ),
}
GOOD = (" is |{g}", " was really |{g}", " is not |{b}| at all", " was |{g}| as always")
BAD = (" is |{b}", " was really |{b}", " is not |{g}| at all", " was |{b}| this time")
FLAT = " is ok| is average| is so-so| is fine I guess| is neither good nor bad"
OPENS = "| |Honestly, |Hi, |Second order here. |tbh "
ENDS_GOOD = ". Will buy again!|. Love it|. Recommended|.|!! 5 stars|, thanks"
ENDS_BAD = ". Never again|. Very disappointed|.|!!!|. I want my money back|. Please fix this"
ENDS_FLAT = ".|. That is all|. Let's see|, nothing special"
