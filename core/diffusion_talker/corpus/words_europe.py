# SPDX-License-Identifier: GPL-3.0-or-later
"""More languages of Europe: words and patterns written for this project, as in words.py.

Their consonants and vowels are what English and German lack: front rounded vowels before every consonant, palatals,
long consonants, rolled r. {o} stands for a noun phrase as object where the language has cases.
"""

from __future__ import annotations

from typing import Final

from diffusion_talker.corpus.words import Lexicon, split_words

_CZECH = Lexicon(
    nouns=split_words(
        """starý pekař|moje matka|včela|modrý balón|naše vesnice|soudce|můj bratr|každé dítě|okno|pták|déšť|květ|les
        hora|slavné muzeum|vlk|babička|malý kůň|pes|voják|žába|řeka|paní učitelka|město|dům|žlutá loď"""
    ),
    objects=split_words(
        """chléb|víno|mapu|knihu|pepř|polévku|mou sestru|psa|vodu|jablko|píseň|dva obrazy|starou boudu|bílou bránu
        čerstvé ryby|hřeben|džbán mléka|červenou růži"""
    ),
    verbs=split_words(
        """kupuje|maluje|vidí|má|nosí|otvírá|zapomíná|chce|najde|pije|prodává|bere|umývá|hledá|potřebuje"""
    ),
    adjectives=split_words(
        """krásný|mladý|prázdný|veselý|měkký|obrovský|slavný|nemožný|klidný|živý|chudý|dobrý|šťastný"""
    ),
    adverbs=split_words("""pomalu|výborně|možná|beze slova|spolu|brzy|často|dneska|ještě jednou|příště"""),
    places=split_words(
        """v zahradě|v bance|na střeše|pod mostem|u řeky|v květnu|v Praze|před muzeem|v kanceláři|tam"""
    ),
    patterns=split_words(
        """{n} {v} {o} {p}.|{p} {n} {v} {o}.|Proč je {n} tak {a}?|Myslím, že {n} je {a}.|Kdo {v} {o} {p}?
        {o}, {o} a {o}.|Ne, {n}, ne {n}!|{d} {v} {n} {o}.|Viděl jsi tam {o}?|{n}, {n} a {n}."""
    ),
    lines=split_words(
        """Ano.|Ne.|Ahoj!|Možná.|Děkuji mockrát.|Mami!|Tati!|Na shledanou.|Dobrý den.|Pomoc!
        Příliš žluťoučký kůň úpěl ďábelské ódy.|Strč prst skrz krk.|Tři sta třicet tři stříbrných stříkaček.
        Pan kaplan v kapli plakal.|Bába bije báby bičem.|Můj muž má malou mámu."""
    ),
)

_FINNISH = Lexicon(
    nouns=split_words(
        """vanha leipuri|äitini|mehiläinen|sininen pallo|meidän kylä|tuomari|veljeni|jokainen lapsi|ikkuna|lintu|sade
        kukka|metsä|vuori|kuuluisa museo|susi|isoäiti|pieni hevonen|koira|pöllö|sammakko|joki|opettaja|kaupunki|talo"""
    ),
    objects=split_words(
        """leivän|viinin|kartan|kirjan|pippurin|keiton|siskoni|veden|omenan|laulun|kaksi kuvaa|vanhan puvun
        valkoisen portin|tuoreen kalan|kamman|voipullan|punaisen ruusun|höyhenen"""
    ),
    verbs=split_words(
        """ostaa|maalaa|näkee|löytää|avaa|unohtaa|haluaa|juo|myy|ottaa|pesee|vie|piirtää|hyppää yli|lyö"""
    ),
    adjectives=split_words(
        """ihana|nuori|tyhjä|iloinen|pehmeä|valtava|kuuluisa|mahdoton|rauhallinen|elävä|köyhä|hyvä|märkä"""
    ),
    adverbs=split_words("""hitaasti|täydellisesti|ehkä|sanomatta sanaa|yhdessä|pian|usein|tänään|vielä kerran|hyvin"""),
    places=split_words(
        """puutarhassa|pankissa|katolla|sillan alla|joen rannalla|toukokuussa|Turussa|museossa|siellä"""
    ),
    patterns=split_words(
        """{n} {v} {o} {p}.|{p} {n} {v} {o}.|Miksi {n} on niin {a}?|Luulen, että {n} on {a}.|Kuka {v} {o} {p}?
        {o}, {o} ja {o}.|Ei, {n}, ei {n}!|{d} {n} {v} {o}.|{n}, {n} ja {n}.|Onko {n} {p}?"""
    ),
    lines=split_words(
        """Kyllä.|Ei.|Hei!|Ehkä.|Kiitos paljon.|Äiti!|Isä!|Näkemiin.|Hyvää huomenta.|Apua!
        Yksikseen yskiskelet, itseksesi itkeskelet.|Vesihiisi sihisi hississä.|Hyvä yö, pöllö.|Fyysikko puhui filmistä.
        Mummo muisti muumimukin.|Pappilan paksuposkinen piski."""
    ),
)

_RUSSIAN = Lexicon(
    nouns=split_words(
        """старый пекарь|моя мама|пчела|синий мяч|наша деревня|судья|мой брат|каждый ребёнок|окно|птица|дождь|цветок
        лес|гора|известный музей|волк|бабушка|маленький конь|собака|юноша|лягушка|река|учитель|город|дом|щенок"""
    ),
    objects=split_words(
        """хлеб|вино|карту|книгу|перец|суп|мою сестру|воду|яблоко|песню|две картины|старый пиджак|белые ворота
        свежую рыбу|гребень|кувшин молока|красную розу|бублик"""
    ),
    verbs=split_words(
        """покупает|рисует|видит|находит|любит|открывает|забывает|хочет|пьёт|продаёт|берёт|моет|ищет|несёт"""
    ),
    adjectives=split_words(
        """чудесный|молодой|пустой|весёлый|мягкий|огромный|известный|невозможный|живой|бедный|добрый"""
    ),
    adverbs=split_words("""медленно|прекрасно|может быть|без слов|вместе|скоро|часто|сегодня|ещё раз|быстро"""),
    places=split_words("""в саду|в банке|на крыше|под мостом|у реки|в мае|в Москве|перед музеем|на работе|там"""),
    patterns=split_words(
        """{n} {v} {o} {p}.|{p} {n} {v} {o}.|Почему {n} такой {a}?|Я думаю, {n} очень {a}.|Кто {v} {o} {p}?
        {o}, {o} и {o}.|Нет, {n}, не {n}!|{d} {n} {v} {o}.|{n}, {n} и {n}."""
    ),
    lines=split_words(
        """Да.|Нет.|Привет!|Может быть.|Большое спасибо.|Мама!|Папа!|До свидания.|Доброе утро.|Помогите!
        Съешь ещё этих мягких французских булок, да выпей чаю.|Шла Саша по шоссе и сосала сушку.
        От топота копыт пыль по полю летит.|Бык тупогуб, тупогубенький бычок.|Мама мыла раму."""
    ),
)

_SWEDISH = Lexicon(
    nouns=split_words(
        """den gamla bagaren|min mor|ett bi|den blå ballongen|fem äpplen|kvinnan|vår by|en god bok|domaren|peppar
        min bror|varje barn|fönstret|brödet|en fågel|regnet|ögonen|en blomma|skogen|berget|lite soppa|vargen|hunden
        sjuksköterskan|bussen|mjölken"""
    ),
    verbs=split_words(
        """köper|målar|flyttar|hittar|älskar|bär|öppnar|glömmer|vill ha|ser|dricker|säljer|tvättar|söker|tar"""
    ),
    adjectives=split_words(
        """underbar|ung|tom|glad|mjuk|stor|berömd|omöjlig|lugn|levande|fattig|bra|vacker|sjuk|tyst"""
    ),
    adverbs=split_words("""långsamt|perfekt|kanske|utan ett ord|tillsammans|snart|ofta|i dag|en gång till"""),
    places=split_words(
        """i trädgården|på banken|på taket|under bron|vid floden|i maj|i Göteborg|framför museet|där borta"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p} {v} {n} {n}.|Varför är {n} så {a}?|Jag tror att {n} är {a}.|Vem {v} {n} {p}?
        {n}, {n} och {n}.|Nej, {n}, inte {n}!|{d} {v} {n} {n}.|Har du sett {n} {p}?"""
    ),
    lines=split_words(
        """Ja.|Nej.|Hej!|Kanske.|Tack så mycket.|Mamma!|Pappa!|Hej då.|God morgon.|Hjälp!
        Flygande bäckasiner söka hwila på mjuka tuvor.|Sju sjösjuka sjömän sköttes av sju sköna sjuksköterskor.
        Byxfjärmat föl gick på duvshowen.|Packa pappas kappsäck.|Får får får?"""
    ),
)

_TURKISH = Lexicon(
    nouns=split_words(
        """yaşlı fırıncı|annem|bir arı|mavi balon|bizim köy|hâkim|kardeşim|her çocuk|pencere|kuş|yağmur|çiçek|orman
        ünlü müze|kurt|büyükannem|küçük at|köpek|öğretmen|kurbağa|nehir|şehir|ev|dalga|babam"""
    ),
    objects=split_words(
        """ekmeği|haritayı|kitabı|biberi|çorbayı|suyu|elmayı|şarkıyı|iki resmi|eski paltoyu|beyaz kapıyı|taze balığı
        tarağı|bir bardak sütü|kırmızı gülü|üzümü"""
    ),
    verbs=split_words(
        """aldı|boyadı|gördü|buldu|sevdi|açtı|unuttu|istedi|içti|sattı|yıkadı|götürdü|övdü|böldü|çizdi"""
    ),
    adjectives=split_words("""güzel|genç|boş|mutlu|yumuşak|büyük|ünlü|sakin|canlı|iyi|soğuk|mümkün|üzgün"""),
    adverbs=split_words("""yavaşça|belki|hiç konuşmadan|birlikte|yakında|sık sık|bugün|bir kez daha|çabucak"""),
    places=split_words("""bahçede|bankada|çatıda|köprünün altında|nehir boyunda|mayısta|Bursa'da|müzede|orada"""),
    patterns=split_words(
        """{n} {p} {o} {v}.|{p} {n} {o} {v}.|Neden {n} çok {a}?|Bence {n} {a}.|Kim {o} {v}?|{o}, {o} ve {o}.
        Hayır, {n} değil, {n}!|{n} {d} {o} {v}.|{n}, {n} ve {n}."""
    ),
    lines=split_words(
        """Evet.|Hayır.|Merhaba!|Belki.|Çok teşekkür ederim.|Anne!|Baba!|Güle güle.|Günaydın.|İmdat!
        Pijamalı hasta yağız şoföre çabucak güvendi.|Bir berber bir berbere gel beraber bir berber dükkanı açalım demiş.
        Dün gördüğüm büyük üzüm çok güzel.|Öğün, çalış, güven."""
    ),
)

_CATALAN = Lexicon(
    nouns=split_words(
        """el vell forner|la meva mare|una abella|el globus blau|cinc mapes|la dona|el nostre poble|un bon vi|el jutge
        el pebre|el meu germà|cada nen|la finestra|el pa|un ocell|la pluja|els ulls|una flor|el bosc|la muntanya
        un plat de sopa|el museu|el llop|una caixa|el cotxe"""
    ),
    verbs=split_words("""compra|pinta|mou|troba|estima|porta|obre|oblida|vol|veu|beu|ven|busca|renta|guarda|menja"""),
    adjectives=split_words("""meravellós|jove|buit|feliç|suau|enorme|famós|impossible|tranquil|viu|pobre|bo|llunyà"""),
    adverbs=split_words("""a poc a poc|perfectament|potser|sense dir res|plegats|aviat|sovint|avui|una altra vegada"""),
    places=split_words(
        """al jardí|al banc|sobre la teulada|sota el pont|vora el riu|al maig|a Lleida|davant del museu|allà"""
    ),
    patterns=split_words(
        """{n} {v} {n} {p}.|{p}, {n} {v} {n}.|Per què {n} és tan {a}?|Crec que {n} és {a}.|Qui {v} {n} {p}?
        {n}, {n} i {n}.|No, {n}, no {n}.|{d} {n} {v} {n}.|Has vist {n} {p}?"""
    ),
    lines=split_words(
        """Sí.|No.|Hola!|Potser.|Moltes gràcies.|Mare!|Pare!|Adéu.|Bon dia.|Ajuda!
        Setze jutges d'un jutjat mengen fetge d'un penjat.|Plou poc, però per a lo poc que plou, plou prou.
        Un bon vi blanc, si us plau."""
    ),
)

_HUNGARIAN = Lexicon(
    nouns=split_words(
        """az öreg pék|az anyám|egy méh|a kék léggömb|a falunk|a bíró|a bátyám|minden gyerek|az ablak|a madár|az eső
        a virág|az erdő|a híres múzeum|a farkas|a nagymama|a kis ló|a kutya|a tanár|a béka|a folyó|a város|a hölgy"""
    ),
    objects=split_words(
        """a kenyeret|a bort|a térképet|a könyvet|a borsot|a levest|a vizet|az almát|a dalt|két képet|a régi kabátot
        a fehér kaput|a friss halat|a fésűt|egy pohár tejet|a piros gyümölcsöt"""
    ),
    verbs=split_words(
        """megveszi|lefesti|meglátja|megtalálja|szereti|kinyitja|elfelejti|viszi|eladja|megmossa|őrzi|követi"""
    ),
    adjectives=split_words(
        """csodálatos|fiatal|üres|vidám|puha|óriási|híres|lehetetlen|nyugodt|élő|szegény|jó|gyönyörű"""
    ),
    adverbs=split_words("""lassan|tökéletesen|talán|szó nélkül|együtt|hamarosan|gyakran|ma|még egyszer"""),
    places=split_words("""a kertben|a bankban|a tetőn|a híd alatt|a folyóparton|májusban|Győrben|a múzeumban|ott"""),
    patterns=split_words(
        """{n} {p} {v} {o}.|{p} {n} {v} {o}.|Miért olyan {a} {n}?|Azt hiszem, {n} {a}.|Ki {v} {o} {p}?
        {o}, {o} meg {o}.|Nem, nem {n}, hanem {n}!|{d} {v} {n} {o}.|{n}, {n} és {n}."""
    ),
    lines=split_words(
        """Igen.|Nem.|Szia!|Talán.|Nagyon köszönöm.|Mama!|Papa!|Viszontlátásra.|Jó reggelt.|Segítség!
        Árvíztűrő tükörfúrógép.|Jó foxim és don Quijote húszwattos lámpánál ülve egy pár bűvös cipőt készít.
        Öt török öt görögöt dögönyöz."""
    ),
)

LEXICONS: Final[dict[str, Lexicon]] = {
    "cs": _CZECH,
    "fi": _FINNISH,
    "ru": _RUSSIAN,
    "sv": _SWEDISH,
    "tr": _TURKISH,
    "ca": _CATALAN,
    "hu": _HUNGARIAN,
}
