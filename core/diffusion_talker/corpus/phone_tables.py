# SPDX-License-Identifier: GPL-3.0-or-later
"""Phone symbols of Festival's voices in other languages than English, as names of the inventory.

Taken from the phone sets that the voices define. Length leaves the lips alone; palatalised consonants are the plain
ones. Of several symbols for one phone the first is its usual form.
"""

from __future__ import annotations

from typing import Final

_SILENCES: Final[dict[str, tuple[str, ...]]] = dict.fromkeys(("#", "##", "pau", "_"), ("sil",))


def _table(text: str) -> dict[str, tuple[str, ...]]:
    """Of "a=ɑ tS=t+ʃ" the table {"a": ("ɑ",), "tS": ("t", "ʃ")} with the signs for silence."""
    pairs = (item.rpartition("=") for item in text.split())
    return {**_SILENCES, **{symbol: tuple(names.split("+")) for symbol, _, names in pairs}}


FESTIVAL_TABLES: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    "festival-it": _table(
        """i=i e=e E=ɛ a=a o=o O=ɔ u=u i1=i e1=e E1=ɛ a1=a o1=o O1=ɔ u1=u j=j w=w p=p t=t k=k b=b d=d g=ɡ f=f s=s
        S=ʃ v=v z=z Z=ʒ ts=t+s tS=t+ʃ dz=d+z dZ=d+ʒ m=m n=n J=ɲ ng=ŋ nf=m l=l L=l+j r=ɾ"""
    ),
    "festival-cs": _table(
        """a=a a:=a b=b c=t+s c~=t+ʃ ch=x d=d d~=d dz=d+z dz~=d+ʒ e=ɛ e:=ɛ f=f g=ɡ h=h i=ɪ i:=i j=j k=k l=l m=m n=n
        n*=ŋ n~=ɲ o=o o:=o p=p r=ɾ s=s s~=ʃ t=t t~=t u=u u:=u v=v z=z z~=ʒ r~=ʒ r~*=ʃ"""
    ),
    "festival-fi": _table(
        """a=ɑ e=e i=i o=o u=u y=y @=æ 7=ø &=æ a:=ɑ e:=e i:=i o:=o u:=u y:=y @:=æ 7:=ø p=p t=t k=k b=b d=d g=ɡ f=f
        T=θ s=s S=ʃ h=h v=v m=m n=n N=ŋ l=l L=l r=ɾ j=j w=w p:=p t:=t k:=k b:=b d:=d g:=ɡ f:=f T:=θ D:=ð s:=s z:=z
        S:=ʃ Z:=ʒ h:=h v:=v m:=m n:=n N:=ŋ w:=w l:=l L:=l r:=ɾ j:=j"""
    ),
    "festival-ca": _table(
        """ax=ə a=a a1=a b=b d=d e=e e1=e E=ɛ E1=ɛ f=f g=ɡ i=i i1=i j=j J=ɲ k=k l=l L=l+j m=m n=n o=o o1=o O=ɔ O1=ɔ
        p=p r=ɾ rr=ɾ s=s S=ʃ t=t u=u u1=u w=w z=z Z=ʒ"""
    ),
    "festival-in": _table(
        """a=ʌ aa=a ih=ɪ iy=i uh=ʊ uw=u eh=e ee=e ay=ɛ oh=o oo=o aw=ɔ f=f k=k g=ɡ ch=t+ʃ th=t dh=d n=n T=t D=d N=n
        p=p b=b m=m y=j r=ɾ l=l v=v L=l R=ɾ s=s sh=ʃ j=d+ʒ h=h ksh=k+ʃ sri=s+ɾ+i kh=k gh=ɡ td=t tth=t ddh=d bh=b
        zh=ʒ @=a w=w x=k+s"""
    ),
}
