# SPDX-License-Identifier: GPL-3.0-or-later
"""Languages of Asia: words and patterns written for this project, as in words.py; short lines of everyday words.

Letters with a dot below are avoided in Devanagari: Festival's Indian voices stop at them.
"""

from __future__ import annotations

from typing import Final

from diffusion_talker.corpus.words import Lexicon, split_words

_HINDI = Lexicon(
    nouns=split_words(
        """मेरी माँ|मेरा भाई|बूढा किसान|नीला फूल|हमारा गाँव|पाँच आम|एक मछली|छोटा बच्चा|वह आदमी|मेरे पिता
        अच्छी किताब|पुराना घर|भूरी गाय
        उसकी बहन|गरम चाय|मीठा फल|बादल|बाघ|चिडिया|पानी|मेहमान"""
    ),
    verbs=split_words("""देखता है|लाता है|माँगता है|भूल गया|बेचता है|पीता है|खाता है|ढूँढता है|बनाता है
        उठाता है|चाहता है"""),
    adjectives=split_words("""बहुत अच्छा|सुंदर|खाली|खुश|मुलायम|बडा|मशहूर|शांत|गरीब|भारी|लंबा|ठंडा"""),
    adverbs=split_words("""धीरे धीरे|शायद|चुपचाप|साथ में|जल्दी|अकसर|आज|एक बार फिर"""),
    places=split_words("""बाग में|बैंक में|छत पर|पुल के नीचे|नदी के पास|मुंबई में|वहाँ|बाजार में"""),
    patterns=split_words(
        """{n} {p} {n} {v}|{p} {n} {n} {v}|{n} {a} क्यों है|मुझे लगता है {n} {a} है|कौन {n} {v}|{n}, {n} और {n}
        नहीं, {n} नहीं|{n} {d} {n} {v}|क्या {n} {p} है"""
    ),
    lines=split_words(
        """हाँ|नहीं|नमस्ते|शायद|बहुत धन्यवाद|माँ|पापा|फिर मिलेंगे|अच्छा|बाप रे बाप|मामा मेरे मामा
        चंदू के चाचा ने चंदू की चाची को"""
    ),
)

_MARATHI = Lexicon(
    nouns=split_words(
        """माझी आई|माझा भाऊ|म्हातारा शेतकरी|निळे फूल|आमचे गाव|पाच आंबे|एक मासा|लहान मूल|तो माणूस|माझे बाबा
        चांगले पुस्तक|जुने घर
        पांढरी गाय|त्याची बहीण|गरम चहा|गोड फळ|ढग|वाघ|पक्षी|पाणी|पाहुणा"""
    ),
    verbs=split_words("""बघतो|आणतो|मागतो|विसरतो|विकतो|पितो|खातो|शोधतो|बनवतो|उचलतो|पाहतो"""),
    adjectives=split_words("""खूप चांगला|सुंदर|रिकामा|आनंदी|मऊ|मोठा|प्रसिद्ध|शांत|गरीब|जड|उंच|थंड"""),
    adverbs=split_words("""हळू हळू|कदाचित|गुपचूप|एकत्र|लवकर|नेहमी|आज|पुन्हा एकदा"""),
    places=split_words("""बागेत|बाजारात|छतावर|पुलाखाली|नदीजवळ|मुंबईत|तिथे|पुण्यात"""),
    patterns=split_words(
        """{n} {p} {n} {v}|{p} {n} {n} {v}|{n} {a} का आहे|मला वाटते {n} {a} आहे|कोण {n} {v}|{n}, {n} आणि {n}
        नाही, {n} नाही|{n} {d} {n} {v}"""
    ),
    lines=split_words("""हो|नाही|नमस्कार|कदाचित|खूप आभार|आई|बाबा|पुन्हा भेटू|बरे|बाप रे|मामाची मुलगी
        काळे राळे गोरे राळे"""),
)

_TELUGU = Lexicon(
    nouns=split_words(
        """మా అమ్మ|మా నాన్న|ముసలి రైతు|నీలి పువ్వు|మా ఊరు|ఐదు మామిడి పండ్లు|ఒక చేప|చిన్న పాప|ఆ మనిషి
        మంచి పుస్తకం|పాత ఇల్లు|తెల్ల ఆవు
        వేడి పాలు|తీపి పండు|మబ్బు|పులి|పక్షి|బాబు|బావ"""
    ),
    verbs=split_words("""చూసింది|తెచ్చింది|అడిగింది|మరిచింది|అమ్మింది|తాగింది|వెతికింది|పంపింది|కొనింది"""),
    adjectives=split_words("""చాలా మంచిది|పెద్దది|చిన్నది|పాతది|కొత్తది|బరువైనది|చల్లనిది"""),
    adverbs=split_words("""నెమ్మదిగా|బహుశా|మౌనంగా|కలిసి|త్వరగా|ఈ రోజు|మళ్ళీ"""),
    places=split_words("""తోటలో|బజారులో|మేడ మీద|వంతెన కింద|నది దగ్గర|అక్కడ|పొలంలో"""),
    patterns=split_words(
        """{n} {p} {n} {v}|{p} {n} {n} {v}|{n} ఎందుకు {a}|{n} {a}|{n}, {n}, {n}|{n} {d} {n} {v}|ఎవరు {n} {v}"""
    ),
    lines=split_words("""అవును|కాదు|నమస్కారం|బహుశా|చాలా ధన్యవాదాలు|అమ్మా|నాన్నా|మళ్ళీ కలుద్దాం|బాబోయ్
        అప్పుడప్పుడు"""),
)

#: Mandarin in Pinyin with tone numbers, which eSpeak NG reads without a dictionary of characters.
_MANDARIN = Lexicon(
    nouns=split_words(
        """wo3 ma1ma5|wo3 ba4ba5|lao3 nong2fu1|lan2se4 de5 qi4qiu2|wo3men5 cun1zi5|wu3ge4 ping2guo3|yi4tiao2 yu2
        mei3ge4 hai2zi5|nei4ge4 nv3ren2|wo3 ge1ge5|mian4bao1|yi4ben3 hao3 shu1|bai2 ma3|chuang1hu4|re4cha2
        pang4 mao1
        da4men2|peng2you3|fei1ji1|da4feng1|xiao3yu3|yue4liang4|bo1li5bei1|nv3 lv4shi1|fu4mu3|mi4feng1"""
    ),
    verbs=split_words(
        """mai3le5|hua4le5|kan4jian4|xi3huan1|da3kai1|wang4le5|mai4diao4|xiang3yao4|zhao3dao4|bao3hu4|fa1xian4
        bao4zhe5
        na2zou3|bang1mang2 ban1"""
    ),
    adjectives=split_words(
        """piao4liang5|nian2qing1|kong1|gao1xing4|ruan3|da4|you3ming2|an1jing4|qiong2|hao3|man4|pang4|lv4"""
    ),
    adverbs=split_words("""man4man4 de5|ye3xu3|yi4qi3|ma3shang4|chang2chang2|jin1tian1|you4 yi2ci4"""),
    places=split_words(
        """zai4 hua1yuan2 li3|zai4 yin2hang2|zai4 wu1ding3 shang4|zai4 qiao2 xia4|zai4 he2bian1|zai4 bei3jing1
        zai4 nei4bian1
        zai4 tu2shu1guan3"""
    ),
    patterns=split_words(
        """{n} {p} {v} {n}.|{p}, {n} {v} {n}.|wei4shen2me5 {n} zhe4me5 {a}?|wo3 jue2de5 {n} hen3 {a}.|shei2 {v} {n}?
        {n}, {n} he2 {n}.|bu4, bu2shi4 {n}!|{n} {d} {v} {n}."""
    ),
    lines=split_words(
        """shi4 de5.|bu4.|ni3hao3!|ye3xu3.|fei1chang2 xie4xie5.|ma1ma5!|ba4ba5!|zai4jian4.|zao3shang5 hao3.
        jiu4ming4!
        ba1bai3 biao1bing1 ben4 bei3po1.|chi1 pu2tao5 bu4 tu3 pu2tao5 pi2.|si4 shi4 si4, shi2 shi4 shi2."""
    ),
)

LEXICONS: Final[dict[str, Lexicon]] = {"hi": _HINDI, "mr": _MARATHI, "te": _TELUGU, "cmn": _MANDARIN}
